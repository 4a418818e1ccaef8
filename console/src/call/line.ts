// One WebSocket after the other, for one call: when it breaks, the next one goes on, by itself.

import type { Access, Dialect, Settings } from '../dialects/acts.ts';
import { roundTrip } from '../http.ts';
import { type Ending, ending, patience } from './endings.ts';

const LOOK_EVERY_MS = 2_000;
const ANSWER_WITHIN_MS = 2_500;
const MISSES_MAX = 2; // then the line is dead, whatever the socket thinks of it

export interface Told {
  frame(message: Record<string, unknown>, raw: string): void;
  sent(message: object, raw: string): void;
  away(why: Ending): void;
  ended(why: Ending): void;
  roundTrip(ms: number | null): void;
}

export class Line {
  private socket: WebSocket | null = null;
  private tries = 0;
  private misses = 0;
  private live = false;
  private over = false;
  private retry = 0;
  private goodbyeIsOver: (() => void) | null = null;
  private readonly look: number;
  private readonly online = () => this.dial();
  private readonly offline = () => this.drop();

  constructor(
    private readonly dialect: Dialect,
    private readonly access: () => Access,
    private readonly settings: () => Settings,
    private readonly told: Told,
  ) {
    this.look = window.setInterval(() => void this.measure(), LOOK_EVERY_MS);
    window.addEventListener('online', this.online);
    window.addEventListener('offline', this.offline);
    this.dial();
  }

  send(...messages: readonly object[]): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    for (const message of messages) {
      const raw = JSON.stringify(message);
      this.socket.send(raw);
      this.told.sent(message, raw);
    }
  }

  /** The provider is there: the next break is a new one. */
  settled(): void {
    this.tries = 0;
    this.live = true;
    void this.measure();
  }

  /** Listens on until the server has hung up, or for so long. */
  async goodbye(messages: readonly object[], withinMs: number): Promise<void> {
    this.over = true;
    this.send(...messages);
    await new Promise<void>((resolve) => {
      this.goodbyeIsOver = resolve;
      setTimeout(resolve, withinMs);
      if (this.socket !== null) this.socket.onclose = () => resolve();
    });
    this.close();
  }

  close(): void {
    this.over = true;
    this.goodbyeIsOver?.();
    clearInterval(this.look);
    clearTimeout(this.retry);
    window.removeEventListener('online', this.online);
    window.removeEventListener('offline', this.offline);
    this.letGo()?.close(1000);
  }

  private dial(): void {
    if (this.over || this.socket !== null) return;
    clearTimeout(this.retry);
    const settings = this.settings();
    const { url, protocols } = this.dialect.address(this.access(), settings);
    const socket = new WebSocket(url, protocols);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.send(...this.dialect.begin(settings));
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      const raw = typeof data === 'string' ? data : new TextDecoder().decode(data);
      this.told.frame(JSON.parse(raw) as Record<string, unknown>, raw);
    };
    socket.onclose = ({ code, reason }) => this.broke(ending(code, reason, this.live));
    this.socket = socket;
    this.misses = 0;
    this.live = false;
  }

  /** A line that is dead need not know it: a network that went away closes no socket. */
  private drop(): void {
    if (this.socket === null) return;
    this.letGo()?.close();
    this.broke(ending(1006, '', this.live));
  }

  private broke(why: Ending): void {
    this.letGo();
    if (this.over) return;
    if (!why.again) {
      this.close();
      this.told.ended(why);
      return;
    }
    this.told.away(why);
    this.retry = window.setTimeout(() => this.dial(), patience(this.tries++, Math.random()));
  }

  private letGo(): WebSocket | null {
    const socket = this.socket;
    if (socket !== null) socket.onopen = socket.onmessage = socket.onclose = null;
    this.socket = null;
    return socket;
  }

  private async measure(): Promise<void> {
    if (this.socket === null) return;
    const ms = await roundTrip(ANSWER_WITHIN_MS);
    if (this.over) return;
    this.told.roundTrip(ms);
    this.misses = ms === null ? this.misses + 1 : 0;
    if (this.misses >= MISSES_MAX) this.drop();
  }
}
