// The microphone and the loudspeaker of a call. Either may go away, or be exchanged, while the call runs.

import { FRAME_S } from '../sound/framing.ts';
import { devices, whenDevicesChange } from '../sound/devices.ts';
import { type Hear, isAllowed, Microphone, MicrophoneRefused } from '../sound/microphone.ts';
import { type Heard, Player, type Progress } from '../sound/player.ts';
import { levels, state } from './state.ts';
import { seam } from './transcript.ts';

const TICK_MS = FRAME_S * 1000;
const STEADY_MS = 2_000; // what is lost sooner is not opened again at once

export interface Told {
  hear: Hear;
  lost(): void; // the microphone
  soundIsBack(): void;
}

export class Devices {
  private microphone: Microphone | null = null;
  private openedAt = 0;
  private player: Player | null = null;
  private muted = false;
  private over = false;
  private clock = 0;
  private ticks = 0;
  private asked = 0;
  private silent = true; // no loudspeaker, or none that the browser tells of
  private readonly unwatch = whenDevicesChange(() => void this.changed());

  constructor(
    private readonly rate: number,
    private readonly told: Told,
  ) {}

  /** In place of the one there was. Where it cannot be opened, the state says why, and silence is heard. */
  async listen(device: string): Promise<void> {
    this.letGo();
    const asked = ++this.asked;
    try {
      const opened = await Microphone.open(
        this.rate,
        device,
        (frame, level) => (this.muted ? this.told.hear(frame.fill(0), 0) : this.told.hear(frame, level)),
        () => void this.lost(device),
      );
      if (this.over || asked !== this.asked) return void opened.close();
      this.microphone = opened;
      this.openedAt = performance.now();
      clearInterval(this.clock);
      state.set({ microphone: 'on' });
    } catch (error) {
      if (!(error instanceof MicrophoneRefused)) throw error;
      if (this.over || asked !== this.asked) return;
      this.silence();
      state.set({ microphone: error.why });
    }
  }

  async speak(loudspeaker: string): Promise<void> {
    this.player = await Player.open(
      (progress) => this.progress(progress),
      (stands) => this.stands(stands),
    );
    await this.playTo(loudspeaker);
    this.silent = (await devices()).silent;
    if (this.over) await this.player.close();
  }

  /** From now on, in the pace of a microphone. A browser may wake a hidden page late. */
  silence(): void {
    clearInterval(this.clock);
    const begun = performance.now();
    this.ticks = 0;
    this.clock = window.setInterval(() => {
      const due = (performance.now() - begun) / TICK_MS;
      for (; this.ticks < due; this.ticks++) this.told.hear(new Int16Array(this.rate * FRAME_S), 0);
    }, TICK_MS);
  }

  get listens(): boolean {
    return this.microphone !== null;
  }

  mute(): void {
    if (this.microphone === null) return;
    this.muted = !this.muted;
    state.set({ muted: this.muted });
  }

  play(item: string, samples: Float32Array): void {
    this.player?.play(item, samples);
  }

  async stopSpeech(): Promise<Heard | null> {
    return (await this.player?.stop()) ?? null;
  }

  async playTo(loudspeaker: string): Promise<void> {
    try {
      await this.player?.to(loudspeaker);
      if (state.now.loudspeaker === 'moved') state.set({ loudspeaker: 'on' });
    } catch {
      await this.move();
    }
  }

  async resume(): Promise<void> {
    await this.player?.resume();
  }

  async close(): Promise<void> {
    if (this.over) return;
    this.over = true;
    this.unwatch();
    clearInterval(this.clock);
    const { microphone, player } = this;
    this.microphone = this.player = null;
    levels.set({ microphone: 0, speech: 0, bufferedMs: 0 });
    state.set({ agentSpeaks: false });
    await Promise.all([microphone?.close(), player?.close()]);
  }

  // -- What goes away ------------------------------------------------------------------------------------

  /** As if muted, so that a turn that was begun comes to its end. "System default" is whatever that is now. */
  private async lost(device: string): Promise<void> {
    const soon = performance.now() - this.openedAt < STEADY_MS;
    this.letGo();
    this.silence();
    this.told.lost();
    const allowed = await isAllowed();
    if (this.over) return;
    state.set({ microphone: allowed ? 'lost' : 'withdrawn' });
    if (allowed && !soon) await this.find(device);
  }

  /** It was plugged in again, or the system has another one. */
  private async find(device: string): Promise<void> {
    const known = device === '' || (await devices()).microphones.some(({ id }) => id === device);
    if (!known || this.over) return;
    await this.listen(device);
    if (this.microphone === null) return void state.set({ microphone: 'lost' });
    state.set({ lines: seam(state.now.lines, `The microphone is now ${this.microphone.name}`) });
  }

  private async changed(): Promise<void> {
    if (state.now.microphone === 'lost') await this.find(state.now.choice.device);
    const { loudspeakers, silent } = await devices();
    if (this.over) return;
    if (silent !== this.silent) state.set({ loudspeaker: silent ? 'gone' : 'on' });
    this.silent = silent;
    const chosen = state.now.choice.loudspeaker;
    if (loudspeakers.length > 0 && chosen !== '' && !loudspeakers.some(({ id }) => id === chosen)) await this.move();
  }

  private async move(): Promise<void> {
    state.set({ choice: { ...state.now.choice, loudspeaker: '' }, loudspeaker: 'moved' });
    await this.player?.to('');
  }

  private letGo(): void {
    void this.microphone?.close();
    this.microphone = null;
    levels.set({ microphone: 0 });
  }

  private stands(stands: boolean): void {
    const { loudspeaker } = state.now;
    if (this.over || stands === (loudspeaker === 'stopped')) return;
    state.set({ loudspeaker: stands ? 'stopped' : 'on' });
    if (!stands) this.told.soundIsBack();
  }

  private progress({ bufferedMs, underruns: gaps, silent, level }: Progress): void {
    if (this.over) return;
    levels.set({ speech: silent ? 0 : level, bufferedMs });
    if (state.now.gaps !== gaps || state.now.agentSpeaks === silent) state.set({ gaps, agentSpeaks: !silent });
  }
}
