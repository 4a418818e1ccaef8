// The microphone's samples, as frames of 20 ms of 16-bit PCM. Pure.

export const FRAME_S = 0.02;

export class Framing {
  private readonly frame: Int16Array<ArrayBuffer>;
  private filled = 0;
  private peak = 0;

  constructor(rate: number) {
    this.frame = new Int16Array(Math.round(rate * FRAME_S));
  }

  /** Calls back for each frame that became whole, with its loudness from 0 to 1. */
  push(samples: Float32Array, whole: (frame: Int16Array<ArrayBuffer>, level: number) => void): void {
    for (const sample of samples) {
      const value = Math.max(-1, Math.min(1, sample));
      this.peak = Math.max(this.peak, Math.abs(value));
      this.frame[this.filled++] = Math.round(value < 0 ? value * 0x8000 : value * 0x7fff);
      if (this.filled === this.frame.length) {
        whole(this.frame.slice(), loudness(this.peak));
        this.filled = this.peak = 0;
      }
    }
  }
}

/** How loud it sounds, from 0 (below -50 dB) to 1. */
export function loudness(peak: number): number {
  return peak <= 0 ? 0 : Math.max(0, Math.min(1, 1 + (20 * Math.log10(peak)) / 50));
}
