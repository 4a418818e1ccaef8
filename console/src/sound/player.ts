// Speech out. One player a call.

import { begun } from './begun.ts';
import type { Played } from './jitter.ts';

export const PLAYER_RATE = 24_000;

export type Order =
  | { kind: 'play'; item: string; samples: Float32Array }
  | { kind: 'flush'; asked: number };

export interface Progress {
  kind: 'progress';
  level: number;
  bufferedMs: number;
  leadMs: number;
  underruns: number;
  silent: boolean;
}

export type Report = Progress | { kind: 'flushed'; heard: Played | null; asked: number };

export interface Heard {
  item: string;
  ms: number;
}

// Chromium only, so far.
type WithSink = AudioContext & { sinkId?: string; setSinkId?: (id: string) => Promise<void> };
export const choosesLoudspeaker = 'AudioContext' in globalThis && 'setSinkId' in AudioContext.prototype;

export class Player {
  private asked = 0;
  private readonly waiting = new Map<number, (heard: Heard | null) => void>();

  private constructor(
    private readonly context: AudioContext,
    private readonly node: AudioWorkletNode,
    private readonly progress: (progress: Progress) => void,
    private readonly stands: (stands: boolean) => void,
  ) {
    this.watch();
    if (context.state !== 'running') stands(true);
    node.port.onmessage = ({ data }: MessageEvent<Report>) => this.told(data);
  }

  /** `stands`: the system takes no sound any more, or does so again. */
  static async open(progress: (progress: Progress) => void, stands: (stands: boolean) => void): Promise<Player> {
    const context = new AudioContext({ sampleRate: PLAYER_RATE, latencyHint: 'interactive' });
    await context.audioWorklet.addModule(PLAYER_URL);
    const node = new AudioWorkletNode(context, 'player', { numberOfInputs: 0, outputChannelCount: [1] });
    node.connect(context.destination);
    await begun(context);
    return new Player(context, node, progress, stands);
  }

  /** '': where the system sends it. */
  async to(loudspeaker: string): Promise<void> {
    const context = this.context as WithSink;
    if (loudspeaker === (context.sinkId ?? '')) return;
    context.onstatechange = null; // it stands for a moment
    await context.setSinkId?.(loudspeaker).finally(() => this.watch());
  }

  private watch(): void {
    this.context.onstatechange = () => this.stands(this.context.state !== 'running');
  }

  async resume(): Promise<void> {
    await this.context.resume();
  }

  play(item: string, samples: Float32Array): void {
    this.order({ kind: 'play', item, samples }, [samples.buffer as ArrayBuffer]);
  }

  /** Silence at once. What was heard of the reply that was playing; null when none was. */
  stop(): Promise<Heard | null> {
    const asked = ++this.asked;
    this.order({ kind: 'flush', asked });
    return new Promise((heard) => this.waiting.set(asked, heard));
  }

  async close(): Promise<void> {
    for (const answer of this.waiting.values()) answer(null);
    this.context.onstatechange = null;
    await this.context.close();
  }

  private told(report: Report): void {
    if (report.kind === 'progress') {
      this.progress(report);
      return;
    }
    const answer = this.waiting.get(report.asked);
    this.waiting.delete(report.asked);
    answer?.(report.heard && { item: report.heard.item, ms: this.heardMs(report.heard.samples) });
  }

  /** What left the buffer is heard only after the way through the system and the loudspeaker. */
  private heardMs(samples: number): number {
    const latency = this.context.baseLatency + (this.context.outputLatency || 0);
    return Math.max(0, Math.round((samples / PLAYER_RATE - latency) * 1000));
  }

  private order(order: Order, give: ArrayBuffer[] = []): void {
    this.node.port.postMessage(order, give);
  }
}
