// A call: microphone, line and loudspeaker put together, and what is heard made into what is shown.

import { access, leave } from '../access.ts';
import { type Act, type Dialect, type DialectName, type Settings, type Tokens } from '../dialects/acts.ts';
import { gemini } from '../dialects/gemini.ts';
import { gptLive } from '../dialects/gpt_live.ts';
import { openai } from '../dialects/openai.ts';
import { type Account, ask, type LiveCall, models, type Page, preferred, Trouble } from '../http.ts';
import { fromBase64, toBase64 } from '../sound/pcm.ts';
import { setTheme } from '../theme.ts';
import { Devices } from './devices.ts';
import { see } from './events.ts';
import { Kept } from './kept.ts';
import { Line } from './line.ts';
import { type Choice, levels, QUIET, state, wire } from './state.ts';
import { answer, TOOLS } from './tools.ts';
import { cut, listen as listened, say, seam, tool } from './transcript.ts';

const INSTRUCTIONS = 'You are a friendly voice assistant on the page of Realtime Switch. Answer briefly.';
const LOOK_EVERY_MS = 1_500;
const LOUD = 0.4; // of the microphone's level: somebody speaks
const GOODBYE_MS = 10_000; // the last words may take that long (GPT-LIVE.md 9)

const DIALECTS: Record<DialectName, () => Dialect> = {
  openai: () => openai(false),
  'openai-beta': () => openai(true),
  gemini,
  'gpt-live': gptLive,
};

let current: Call | null = null;

export async function start(choice: Choice, typing = false): Promise<void> {
  await current?.end();
  const { credits } = state.now;
  const session = choice.session || `page-${crypto.randomUUID()}`;
  state.set({ ...QUIET, phase: 'opening', choice, session, credits, microphone: typing ? 'off' : null });
  wire.set({ seen: [] });
  current = new Call(choice, session);
  await current.open(typing);
}

export const end = () => current?.end();
export const mute = () => current?.devices.mute();
export const press = () => current?.press();
export const release = () => current?.release();
export const interrupt = () => current?.interrupt();
export const write = (text: string) => current?.write(text);
export const listen = (device: string) => current?.listen(device);
export const playTo = (loudspeaker: string) => current?.playTo(loudspeaker);
export const resumeSound = () => current?.devices.resume();
export const switchTo = (target: string) => current?.switchTo(target);

class Call {
  private readonly dialect: Dialect;
  private line: Line | null = null;
  readonly devices: Devices;
  private ready = false;
  private over = false;
  private look = 0;
  private secondsBefore = 0; // of sessions before this one
  private readonly kept = new Kept();
  private askedAt: number | null = null; // when the user had said what is to be answered
  private loudAt: number | null = null;
  private readonly begunAt = performance.now();
  private readonly cutOff = new Set<string>(); // items of which no more is to be played
  private readonly settings: Settings;

  constructor(
    private readonly choice: Choice,
    private readonly session: string,
  ) {
    this.dialect = DIALECTS[choice.dialect]();
    this.settings = { model: choice.model, instructions: INSTRUCTIONS, handsFree: choice.handsFree, tools: TOOLS };
    this.devices = new Devices(this.dialect.rate, {
      hear: (frame, level) => this.hear(frame, level),
      lost: () => this.release(),
      soundIsBack: () => void this.stopSpeech(), // what waited meanwhile is late
    });
  }

  async open(typing: boolean): Promise<void> {
    if (!typing) {
      await this.devices.listen(this.choice.device);
      if (!this.devices.listens) {
        await this.close();
        state.set({ phase: 'idle' });
        return;
      }
    }
    await this.devices.speak(this.choice.loudspeaker);
    this.settings.model ||= preferred(await models(access.now.secret));
    if (this.over) return void this.close();
    this.line = new Line(this.dialect, () => this.access(), () => this.settings, {
      frame: (message, raw) => {
        this.note(message, raw, false);
        for (const act of this.dialect.read(message)) this.heard(act);
      },
      sent: (message, raw) => this.note(message, raw, true),
      away: (why) => this.away(why.title),
      ended: (ending) => {
        void this.close();
        state.set({ phase: 'ended', ending, notice: '' }); // which the ending says better
        if (ending.key) leave(ending.todo);
      },
      roundTrip: (roundTripMs) => state.set({ roundTripMs }),
    });
    this.look = window.setInterval(() => void this.lookAtCall(), LOOK_EVERY_MS);
    if (typing && this.dialect.clocked) this.devices.silence(); // nothing else moves such a session on
    await this.lookAtCredits();
  }

  async end(): Promise<void> {
    if (this.over) return;
    const goodbye = this.ready ? this.dialect.goodbye() : [];
    if (goodbye.length > 0 && state.now.phase !== 'ending') {
      state.set({ phase: 'ending', userSpeaks: false, pressed: false });
      await this.devices.close();
      await this.line?.goodbye(goodbye, GOODBYE_MS);
      if (this.over) return; // who was asked twice did not wait
    }
    await this.close();
    state.set({ phase: 'ended', ending: null });
    await this.lookAtCredits();
  }

  private async close(): Promise<void> {
    this.over = true;
    clearInterval(this.look);
    this.line?.close();
    state.set({ userSpeaks: false, pressed: false, switching: '' });
    await this.devices.close();
  }

  // -- What the user does --------------------------------------------------------------------------------

  async listen(device: string): Promise<void> {
    this.release();
    state.set({ choice: { ...state.now.choice, device } });
    await this.devices.listen(device);
  }

  async playTo(loudspeaker: string): Promise<void> {
    state.set({ choice: { ...state.now.choice, loudspeaker } });
    await this.devices.playTo(loudspeaker);
  }

  press(): void {
    if (this.choice.handsFree || state.now.pressed || !this.devices.listens || this.over) return;
    state.set({ pressed: true, userSpeaks: true });
    void this.stopSpeech();
    this.kept.forget();
    this.key(this.dialect.pressed());
  }

  release(): void {
    if (!state.now.pressed) return;
    state.set({ pressed: false, userSpeaks: false });
    this.key(this.dialect.released());
    if (this.ready) this.kept.forget();
    this.askedAt = performance.now();
  }

  private key(messages: object[]): void {
    this.kept.key(messages);
    if (this.ready) this.line?.send(...messages);
  }

  interrupt(): void {
    this.line?.send(...this.dialect.cancel());
    void this.stopSpeech();
  }

  write(text: string): void {
    void this.stopSpeech();
    this.line?.send(...this.dialect.text(text));
    this.askedAt = performance.now();
    state.set({ lines: say(state.now.lines, 'user', `typed-${crypto.randomUUID()}`, text, true) });
  }

  async switchTo(target: string): Promise<void> {
    state.set({ switching: target || 'the next target', notice: '' });
    const messages = this.dialect.switchTo(target);
    if (messages !== null) {
      this.line?.send(...messages);
      return;
    }
    try {
      const path = `/v1/calls/${encodeURIComponent(this.session)}/switch`;
      await ask(access.now.secret, path, { body: target ? { target } : {} });
    } catch (error) {
      state.set({ switching: '', notice: (error as Error).message });
    }
  }

  private hear(frame: Int16Array<ArrayBuffer>, level: number): void {
    levels.set({ microphone: level });
    if (level > LOUD) this.loudAt = performance.now();
    const speaks = this.choice.handsFree || state.now.pressed;
    if (!speaks && !this.dialect.clocked) return;
    const message = this.dialect.audio(toBase64(speaks ? frame : frame.fill(0)));
    this.kept.frame(message, speaks && level > LOUD);
    if (this.ready) this.line?.send(message);
  }

  /** The provider makes a turn of what was said. */
  private understood(): void {
    if (this.choice.handsFree) this.kept.forget();
  }

  // -- What is heard -------------------------------------------------------------------------------------

  private heard(act: Act): void {
    const { lines } = state.now;
    switch (act.kind) {
      case 'ready':
        this.ready = true;
        this.secondsBefore = state.now.seconds ?? 0;
        this.line?.settled();
        this.line?.send(...this.kept.all);
        if (!this.choice.handsFree && !state.now.pressed) this.kept.forget();
        if (state.now.phase === 'away') {
          const { reconnects } = state.now;
          state.set({ reconnects: reconnects + 1, lines: seam(lines, 'Connected again. The conversation goes on.') });
        }
        state.set({ phase: 'live', ending: null });
        return void this.lookAtCall();
      case 'user-began':
        state.set({ userSpeaks: true, ...(act.item ? { lines: listened(lines, act.item) } : {}) });
        return;
      case 'user-ended':
        this.understood();
        this.askedAt = performance.now();
        state.set({ userSpeaks: false });
        return;
      case 'interrupted':
        return void this.stopSpeech();
      case 'reply-began':
        this.understood();
        this.askedAt ??= this.loudAt;
        return;
      case 'sound':
        return this.play(act.item, act.base64);
      case 'words':
        if (act.by === 'user' && this.dialect.clocked) this.understood();
        state.set({ lines: say(lines, act.by, act.item, act.text, act.whole) });
        return;
      case 'reply-ended':
        state.set({ replies: state.now.replies + 1 });
        if (act.status === 'failed') state.set({ notice: act.message || 'The provider failed to answer.' });
        return;
      case 'tool':
        return this.use(act.id, act.name, act.arguments);
      case 'used':
        state.set({ tokens: sum(state.now.tokens, act.tokens) });
        return void this.lookAtCredits();
      case 'lasted':
        state.set({ seconds: this.secondsBefore + act.seconds });
        return void this.lookAtCredits();
      case 'switched':
        return this.wentTo(act.target);
      case 'trouble':
        state.set({ notice: act.message, switching: '' });
    }
  }

  private play(item: string, base64: string): void {
    if (this.cutOff.has(item)) return;
    if (this.askedAt !== null) {
      const ms = Math.round(performance.now() - this.askedAt);
      state.set({ firstAudioMs: [...state.now.firstAudioMs, ms] });
    }
    this.askedAt = this.loudAt = null;
    this.devices.play(item, fromBase64(base64));
  }

  /** Barge-in: silence at once; then the provider learns what was heard, and the transcript shows the break. */
  private async stopSpeech(): Promise<void> {
    const heard = await this.devices.stopSpeech();
    if (!heard) return;
    this.cutOff.add(heard.item);
    this.line?.send(...this.dialect.truncate(heard.item, heard.ms));
    state.set({ lines: cut(state.now.lines, heard.item) });
  }

  private use(id: string, name: string, given: Record<string, unknown>): void {
    const result = answer(name, given, setTheme);
    state.set({ lines: tool(state.now.lines, id, name, given, result) });
    this.askedAt = performance.now();
    this.line?.send(...this.dialect.answer(id, name, result));
  }

  private away(why: string): void {
    this.ready = false;
    void this.devices.stopSpeech();
    if (state.now.phase === 'away') return;
    const { phase, lines } = state.now;
    // A call that never was live is still being opened, for the transcript.
    state.set({ phase: 'away', notice: '', ...(phase === 'live' ? { lines: seam(lines, `${why}. Calling again …`) } : {}) });
  }

  private wentTo(target: string): void {
    if (target === '' || target === state.now.target) return;
    const known = state.now.target !== '';
    state.set({
      target,
      switching: '',
      ...(known ? { lines: seam(state.now.lines, `The call went on at ${target}`) } : {}),
    });
  }

  // -- What the gateway knows ----------------------------------------------------------------------------

  private async lookAtCall(): Promise<void> {
    if (this.over || !this.ready) return;
    const listed = await this.quietly(ask<Page<LiveCall>>(access.now.secret, '/v1/calls'));
    const call = listed?.data.find((one) => one.id === this.session);
    if (listed !== null) state.set({ elsewhere: call === undefined });
    if (call === undefined || this.over) return;
    state.set({ targets: call.targets, gatewayState: call.state });
    // While a provider is being reached it is the one where the call will be: no seam before it is there.
    if (call.provider !== null && (call.state === 'live' || state.now.target === '')) {
      this.wentTo(`${call.provider}/${call.model}`);
    }
  }

  private async lookAtCredits(): Promise<void> {
    const account = await this.quietly(ask<Account>(access.now.secret, '/v1/account'));
    if (account === null) return;
    state.set({ credits: account.credits, creditsBefore: state.now.creditsBefore ?? account.credits });
  }

  /** What cannot be learnt now is asked again soon; only an access that has ended matters at once. */
  private async quietly<T>(asked: Promise<T>): Promise<T | null> {
    try {
      return await asked;
    } catch (error) {
      if (error instanceof Trouble && error.status === 401) {
        await this.end();
        leave('Your access has ended: the key was revoked, or two hours have passed. Enter it again.');
      }
      return null;
    }
  }

  private access() {
    return { origin: location.origin.replace(/^http/, 'ws'), secret: access.now.secret, session: this.session };
  }

  private note(message: object, raw: string, out: boolean): void {
    const atMs = Math.round(performance.now() - this.begunAt);
    wire.set({ seen: see(wire.now.seen, { atMs, out, raw }, message) });
  }
}

function sum(one: Tokens, other: Tokens): Tokens {
  const names = Object.keys(one) as (keyof Tokens)[];
  return Object.fromEntries(names.map((name) => [name, one[name] + other[name]])) as unknown as Tokens;
}

