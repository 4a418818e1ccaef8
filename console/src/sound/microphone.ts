// Speech in. Where the browser can, the context has the dialect's rate; where it cannot, the worklet converts.

import { begun } from './begun.ts';

export type Refused = 'insecure' | 'denied' | 'missing' | 'busy';

export class MicrophoneRefused extends Error {
  constructor(readonly why: Refused) {
    super(why);
  }
}

export type Hear = (frame: Int16Array<ArrayBuffer>, level: number) => void;

export class Microphone {
  private constructor(
    private readonly context: AudioContext,
    private readonly track: MediaStreamTrack,
  ) {}

  /** `lost`: it was unplugged, or may not be used any more. */
  static async open(rate: number, device: string, hear: Hear, lost: () => void): Promise<Microphone> {
    const stream = await streamOf(device);
    const track = stream.getAudioTracks()[0]!;
    track.onended = lost;
    const { context, source } = connected(stream, rate);
    await context.audioWorklet.addModule(RECORDER_URL);
    const node = new AudioWorkletNode(context, 'recorder', { processorOptions: { rate }, numberOfOutputs: 0 });
    node.port.onmessage = ({ data }: MessageEvent<{ frame: Int16Array<ArrayBuffer>; level: number }>) =>
      hear(data.frame, data.level);
    source.connect(node);
    await begun(context);
    return new Microphone(context, track);
  }

  get name(): string {
    return this.track.label;
  }

  async close(): Promise<void> {
    this.track.onended = null;
    this.track.stop();
    await this.context.close();
  }
}

/** Where a browser does not tell, what was allowed is taken to be so still. */
export async function isAllowed(): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name: 'microphone' })).state === 'granted';
  } catch {
    return true;
  }
}

async function streamOf(device: string): Promise<MediaStream> {
  if (!navigator.mediaDevices?.getUserMedia) throw new MicrophoneRefused('insecure');
  const wished = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
  const audio = device ? { ...wished, deviceId: { exact: device } } : wished;
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    const { name } = error as Error;
    if (name === 'NotAllowedError' || name === 'SecurityError') throw new MicrophoneRefused('denied');
    if (name === 'NotFoundError' || name === 'OverconstrainedError') throw new MicrophoneRefused('missing');
    throw new MicrophoneRefused('busy');
  }
}

function connected(stream: MediaStream, rate: number) {
  const wanted = new AudioContext({ sampleRate: rate, latencyHint: 'interactive' });
  try {
    return { context: wanted, source: wanted.createMediaStreamSource(stream) };
  } catch {
    void wanted.close(); // Firefox: NotSupportedError
    const context = new AudioContext({ latencyHint: 'interactive' });
    return { context, source: context.createMediaStreamSource(stream) };
  }
}
