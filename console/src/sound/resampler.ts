// From the rate a microphone has to the rate a dialect wants, where the browser cannot do it by itself
// (Firefox does not connect a microphone to a context of another rate). Pure. A windowed sinc of 16 zero
// crossings a side, with the lower of both rates as its limit.

const CROSSINGS = 16;

export class Resampler {
  private readonly step: number; // input samples for each output sample
  private readonly cutoff: number; // of the input's rate
  private readonly reach: number; // input samples that count, to each side
  private held: Float32Array;
  private at: number; // where the next output sample lies in `held`

  constructor(from: number, to: number) {
    this.step = from / to;
    this.cutoff = Math.min(1, to / from);
    this.reach = Math.ceil(CROSSINGS / this.cutoff);
    this.held = new Float32Array(this.reach);
    this.at = this.reach;
  }

  push(samples: Float32Array): Float32Array {
    const all = new Float32Array(this.held.length + samples.length);
    all.set(this.held);
    all.set(samples, this.held.length);
    const made: number[] = [];
    for (; this.at + this.reach < all.length; this.at += this.step) made.push(this.sampleAt(all, this.at));
    const spent = Math.max(0, Math.floor(this.at) - this.reach);
    this.held = all.slice(spent);
    this.at -= spent;
    return Float32Array.from(made);
  }

  private sampleAt(all: Float32Array, at: number): number {
    const first = Math.max(0, Math.ceil(at - this.reach));
    const last = Math.min(all.length - 1, Math.floor(at + this.reach));
    let sum = 0;
    for (let n = first; n <= last; n++) sum += all[n]! * this.weight(at - n);
    return sum;
  }

  private weight(distance: number): number {
    const x = distance * this.cutoff;
    const window = 0.5 + 0.5 * Math.cos((Math.PI * distance) / this.reach);
    return this.cutoff * window * (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
  }
}
