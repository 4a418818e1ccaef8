// Hands frames of 20 ms to the page. A file of its own, because the policy allows no other script.

import { Framing } from './framing.ts';
import { Resampler } from './resampler.ts';

class Recorder extends AudioWorkletProcessor {
  private readonly framing: Framing;
  private readonly resampler: Resampler | null;

  constructor(options: AudioWorkletNodeOptions) {
    super(options);
    const rate = (options.processorOptions as { rate: number }).rate;
    this.framing = new Framing(rate);
    this.resampler = rate === sampleRate ? null : new Resampler(sampleRate, rate);
  }

  process(inputs: Float32Array[][]): boolean {
    const samples = inputs[0]?.[0];
    if (samples !== undefined) {
      this.framing.push(this.resampler?.push(samples) ?? samples, (frame, level) =>
        this.port.postMessage({ frame, level }, [frame.buffer]),
      );
    }
    return true;
  }
}

registerProcessor('recorder', Recorder);
