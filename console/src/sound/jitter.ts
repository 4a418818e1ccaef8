// What lies between the network and the loudspeaker: speech comes in bursts, and is played without clicks or
// gaps. Pure: the worklet around it (player.worklet.ts) pushes what arrives and pulls what is to be played.
//
// It waits until a little is in hand before it starts, so that the next burst may be late; each time it runs
// dry it waits for a little more, and with each long stretch that went well for less again. A reply shorter
// than that is played once as much time has passed. Where sound begins or breaks off, it fades for 3 ms: an
// edge in the samples is what one hears as a click.

export interface Played {
  readonly item: string;
  readonly samples: number; // of this item, up to now
}

interface Chunk {
  readonly item: string;
  readonly samples: Float32Array;
}

const LEAD_MIN_S = 0.06;
const LEAD_MAX_S = 0.4;
const LEAD_STEP_S = 0.06;
const GOES_WELL_S = 10;
const FADE_S = 0.003;

export class Jitter {
  private chunks: Chunk[] = [];
  private at = 0; // in the first chunk
  private waiting = true;
  private waited = 0;
  private smooth = 0; // samples since it last ran dry
  private lead: number;
  private last = 0; // the sample played last
  private fading = 0; // samples of the way down still to go
  private from = 0; // where the way down began
  private rising = 0; // samples of the way up still to go
  private readonly fade: number;
  private current: { item: string; samples: number } | null = null;
  underruns = 0;

  constructor(private readonly rate: number) {
    this.lead = LEAD_MIN_S * rate;
    this.fade = Math.round(FADE_S * rate);
  }

  push(item: string, samples: Float32Array): void {
    if (samples.length > 0) this.chunks.push({ item, samples });
  }

  /** Samples in hand. */
  get buffered(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.samples.length, 0) - this.at;
  }

  get leadSeconds(): number {
    return this.lead / this.rate;
  }

  get played(): Played | null {
    return this.current && { ...this.current };
  }

  get silent(): boolean {
    return this.dry && this.fading === 0;
  }

  /** Nothing is in hand; what was played last may still be fading away. */
  get dry(): boolean {
    return this.waiting && this.chunks.length === 0;
  }

  /** Stops at once, and says how far it came; null when nothing was left to be played. */
  flush(): Played | null {
    const heard = this.chunks.length > 0 ? this.played : null;
    this.chunks = [];
    this.at = 0;
    if (!this.waiting) this.fall();
    return heard;
  }

  pull(out: Float32Array): void {
    let filled = 0;
    if (this.waiting && this.mayStart(out.length)) this.rise();
    while (!this.waiting && filled < out.length) {
      const chunk = this.chunks[0];
      if (chunk === undefined) {
        this.ranDry();
        break;
      }
      filled += this.copy(chunk, out, filled);
    }
    for (; filled < out.length; filled++) out[filled] = this.descend();
    this.last = out[out.length - 1] ?? this.last;
  }

  private mayStart(time: number): boolean {
    const buffered = this.buffered;
    if (buffered === 0) return false;
    this.waited += time;
    return buffered >= this.lead || this.waited >= this.lead;
  }

  private copy(chunk: Chunk, out: Float32Array, filled: number): number {
    const count = Math.min(chunk.samples.length - this.at, out.length - filled);
    for (let n = 0; n < count; n++) {
      const sample = chunk.samples[this.at + n]!;
      out[filled + n] = this.rising > 0 ? sample * (1 - this.rising-- / this.fade) + this.descend() : sample;
    }
    this.last = out[filled + count - 1]!;
    if (this.current?.item !== chunk.item) this.current = { item: chunk.item, samples: 0 };
    this.current.samples += count;
    this.at += count;
    if (this.at === chunk.samples.length) {
      this.chunks.shift();
      this.at = 0;
    }
    this.smooth += count;
    if (this.smooth > GOES_WELL_S * this.rate) {
      this.smooth = 0;
      this.lead = Math.max(LEAD_MIN_S * this.rate, this.lead - LEAD_STEP_S * this.rate);
    }
    return count;
  }

  /** The end of a reply looks the same; only what goes on soon was a gap, so the lead grows when it does. */
  private ranDry(): void {
    this.fall();
    this.smooth = 0;
  }

  /** The reply went on after it had run dry. */
  late(): void {
    this.underruns += 1;
    this.lead = Math.min(LEAD_MAX_S * this.rate, this.lead + LEAD_STEP_S * this.rate);
  }

  private fall(): void {
    this.waiting = true;
    this.waited = 0;
    this.fading = this.fade;
    this.from = this.last;
  }

  private rise(): void {
    this.waiting = false;
    this.rising = this.fade;
  }

  private descend(): number {
    return this.fading > 0 ? (this.from * --this.fading) / this.fade : 0;
  }
}
