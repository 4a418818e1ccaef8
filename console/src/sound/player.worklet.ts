// Plays what the page hands over, by the jitter buffer; says how loud it is and how far it came.

import { loudness } from './framing.ts';
import { Jitter } from './jitter.ts';
import type { Order, Report } from './player.ts';

const REPORT_EVERY = 8; // calls, of 128 samples: about 43 ms at 24 kHz

class Player extends AudioWorkletProcessor {
  private readonly jitter = new Jitter(sampleRate);
  private peak = 0;
  private calls = 0;
  private item = ''; // whose samples came last
  private told = true; // that nothing is left to be played

  constructor(options: AudioWorkletNodeOptions) {
    super(options);
    this.port.onmessage = ({ data }: MessageEvent<Order>) => {
      if (data.kind === 'play') this.play(data.item, data.samples);
      else this.report({ kind: 'flushed', heard: this.jitter.flush(), asked: data.asked });
    };
  }

  private play(item: string, samples: Float32Array): void {
    if (this.jitter.dry && this.item === item && this.jitter.played?.item === item) this.jitter.late();
    this.item = item;
    this.told = false;
    this.jitter.push(item, samples);
  }

  process(_: Float32Array[][], outputs: Float32Array[][]): boolean {
    const out = outputs[0]?.[0];
    if (out === undefined) return true;
    this.jitter.pull(out);
    for (const sample of out) this.peak = Math.max(this.peak, Math.abs(sample));
    if (++this.calls >= REPORT_EVERY) this.tell();
    return true;
  }

  private tell(): void {
    const silent = this.jitter.silent;
    if (!silent || !this.told) {
      this.report({
        kind: 'progress',
        level: loudness(this.peak),
        bufferedMs: Math.round((this.jitter.buffered / sampleRate) * 1000),
        leadMs: Math.round(this.jitter.leadSeconds * 1000),
        underruns: this.jitter.underruns,
        silent,
      });
    }
    this.told = silent;
    this.peak = this.calls = 0;
  }

  private report(report: Report): void {
    this.port.postMessage(report);
  }
}

registerProcessor('player', Player);
