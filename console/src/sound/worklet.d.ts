// What exists in an audio worklet and in no window; TypeScript's own DOM library leaves it out.

declare class AudioWorkletProcessor {
  readonly port: MessagePort;
  constructor(options?: AudioWorkletNodeOptions);
}
declare function registerProcessor(
  name: string,
  processor: new (options: AudioWorkletNodeOptions) => AudioWorkletProcessor,
): void;
declare const sampleRate: number;

// By build.mjs.
declare const RECORDER_URL: string;
declare const PLAYER_URL: string;
