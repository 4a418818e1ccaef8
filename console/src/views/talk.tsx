// Talk, with what there is to watch beside it.

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { access } from '../access.ts';
import { end, interrupt, listen, mute, press, release, start, write } from '../call/call.ts';
import { type CallState, type Choice, levels, state } from '../call/state.ts';
import type { Line } from '../call/transcript.ts';
import type { DialectName } from '../dialects/acts.ts';
import { ask, type Account, models, preferred } from '../http.ts';
import { useStore } from '../store.ts';
import { choose, DeviceChoices } from './devices.tsx';
import { Icon } from './icon.tsx';
import { Notices } from './notices.tsx';
import { Watch } from './watch.tsx';

const RUNS = new Set(['opening', 'live', 'away', 'ending']);

export function TalkView() {
  const call = useStore(state);
  const { secret } = useStore(access);
  const runs = RUNS.has(call.phase);
  useEffect(() => {
    ask<Account>(secret, '/v1/account').then(
      ({ credits }) => state.set({ credits }),
      () => undefined, // what is wrong is said where something is asked for
    );
  }, [secret]);
  useTalkKey(call);
  return (
    <div class="talk">
      <section class={`stage card ${runs || call.lines.length ? '' : 'calm'}`} aria-label="Talk">
        <h1 class="hidden">Talk</h1>
        <Orb call={call} />
        {!runs && <Choices call={call} secret={secret} />}
        {runs && <Controls call={call} />}
        <Notices call={call} runs={runs} />
        <Transcript lines={call.lines} phase={call.phase} />
        {runs && <Composer call={call} />}
      </section>
      <Watch call={call} />
    </div>
  );
}

/** The space bar talks while it is held, unless one is writing. */
function useTalkKey(call: CallState): void {
  const active = RUNS.has(call.phase);
  useEffect(() => {
    if (!active) return;
    const isTalk = (event: KeyboardEvent) =>
      event.code === 'Space' && !/^(INPUT|TEXTAREA|SELECT|BUTTON|A|SUMMARY)$/.test((event.target as Element).tagName);
    const down = (event: KeyboardEvent) => {
      if (event.key === 'Escape') return void interrupt();
      if (!isTalk(event)) return;
      event.preventDefault();
      press();
    };
    const up = (event: KeyboardEvent) => event.code === 'Space' && release();
    addEventListener('keydown', down);
    addEventListener('keyup', up);
    addEventListener('blur', release);
    return () => {
      removeEventListener('keydown', down);
      removeEventListener('keyup', up);
      removeEventListener('blur', release);
    };
  }, [active]);
}

// -- The one button -------------------------------------------------------------------------------------------

function Orb({ call }: { call: CallState }) {
  const runs = RUNS.has(call.phase);
  const { microphone, speech } = useStore(levels);
  const level = call.agentSpeaks ? speech : microphone;
  const push = runs && !call.choice.handsFree && (call.phase === 'live' || call.phase === 'away') && call.microphone === 'on';
  const name = push ? 'Hold to talk' : runs ? 'End the call' : 'Start talking';
  return (
    <div class="orb-place">
      <button
        class={`orb ${call.phase} ${call.agentSpeaks ? 'speaks' : ''} ${call.pressed ? 'pressed' : ''}`}
        type="button"
        style={{ '--level': level.toFixed(2) }}
        aria-label={name}
        data-test="orb"
        data-home={!runs || call.microphone === 'on' || undefined}
        onClick={push ? undefined : () => (runs ? void end() : void start(lastChoice()))}
        {...(push ? holding : {})}
      >
        <Icon name={push || !runs ? 'mic' : 'end'} />
      </button>
      <p class="orb-state" data-test="state">
        {sentence(call)}
      </p>
      <p class="hidden" role="status">
        {call.phase === 'away' ? '' : told(call)}
      </p>
    </div>
  );
}

const holding = {
  onPointerDown: (event: PointerEvent) => {
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    press();
  },
  onPointerUp: release,
  onPointerCancel: release,
  onKeyDown: (event: KeyboardEvent) => {
    if (event.key !== ' ' && event.key !== 'Enter') return;
    event.preventDefault();
    press();
  },
  onKeyUp: (event: KeyboardEvent) => (event.key === ' ' || event.key === 'Enter') && release(),
};

/** What a screen reader says of itself: not who speaks, which one hears, and over which it would talk. */
function told(call: CallState): string {
  return sentence({ ...call, pressed: false, agentSpeaks: false, userSpeaks: false });
}

function sentence(call: CallState): string {
  if (call.phase === 'idle' || call.phase === 'ended') return call.phase === 'idle' ? 'Press to start talking' : 'Press to talk again';
  if (call.phase === 'opening') return call.microphone === null ? 'Allow the microphone …' : 'Connecting …';
  if (call.phase === 'ending') return 'Ending …';
  if (call.phase === 'away') return call.microphone === 'on' ? 'Connection lost. What you say is kept.' : 'Connection lost. Calling again …';
  if (call.pressed) return 'Listening …';
  if (call.agentSpeaks) return call.choice.handsFree ? 'Speaking. Talk to interrupt.' : 'Speaking';
  if (call.userSpeaks) return 'Listening …';
  if (call.microphone !== 'on') return 'Write something';
  if (call.muted) return 'Muted';
  return call.choice.handsFree ? 'Say something' : 'Hold the button or the space bar, and talk';
}

// -- Before the call ------------------------------------------------------------------------------------------

const DIALECT_NAMES: Record<DialectName, string> = {
  openai: 'OpenAI Realtime',
  'openai-beta': 'OpenAI Realtime, beta',
  gemini: 'Gemini Live',
  'gpt-live': 'GPT-Live',
};

const lastChoice = (): Choice => ({ ...state.now.choice });

function Choices({ call, secret }: { call: CallState; secret: string }) {
  const [names, setNames] = useState<string[]>([]);
  const { choice } = call;
  useEffect(() => {
    void models(secret).then((names) => {
      setNames(names);
      if (state.now.choice.model === '') choose({ model: preferred(names) });
    });
  }, [secret]);
  return (
    <div class="choices">
      <label>
        Dialect
        <select value={choice.dialect} onChange={(e) => choose({ dialect: e.currentTarget.value as DialectName })}>
          {Object.entries(DIALECT_NAMES).map(([name, title]) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <label>
        Model
        <input
          list="models"
          value={choice.model}
          spellcheck={false}
          autocomplete="off"
          onInput={(e) => choose({ model: e.currentTarget.value })}
        />
        <datalist id="models">
          {names.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </label>
      <DeviceChoices call={call} runs={false} />
      <label>
        Turns
        <select
          value={choice.handsFree ? 'free' : 'push'}
          onChange={(e) => choose({ handsFree: e.currentTarget.value === 'free' })}
        >
          <option value="free">Hands-free</option>
          <option value="push">Push to talk</option>
        </select>
      </label>
      {choice.session !== '' && (
        <p class="hint wide">
          Goes on with <code>{choice.session}</code>.{' '}
          <button class="link" type="button" onClick={() => choose({ session: '' })}>
            Begin a new conversation
          </button>
        </p>
      )}
      <p class="hint wide without">
        No microphone?{' '}
        <button class="link" type="button" onClick={() => void start(lastChoice(), true)}>
          Begin by writing
        </button>
      </p>
    </div>
  );
}

// -- During the call ------------------------------------------------------------------------------------------

function Controls({ call }: { call: CallState }) {
  const push = !call.choice.handsFree;
  return (
    <div class="controls">
      <div class="meters">
        <Meter name="Microphone" of="microphone" icon="mic" />
        <Meter name="Speech" of="speech" icon="speaker" />
      </div>
      {call.microphone === 'on' && !push && (
        <button class="quiet" type="button" aria-pressed={call.muted} onClick={mute}>
          <Icon name={call.muted ? 'muted' : 'mic'} /> {call.muted ? 'Unmute' : 'Mute'}
        </button>
      )}
      <button class="quiet" type="button" onClick={() => interrupt()} aria-disabled={!call.agentSpeaks} title="Escape">
        <Icon name="stop" /> Stop speaking
      </button>
      {call.microphone === 'off' && (
        <button class="quiet" type="button" onClick={() => void listen(call.choice.device)}>
          <Icon name="mic" /> Use the microphone
        </button>
      )}
      {push && (
        <button class="quiet" type="button" onClick={() => void end()}>
          <Icon name="end" /> End the call
        </button>
      )}
      {call.microphone !== 'off' && (
        <details class="devices" open={call.microphone !== 'on' || call.loudspeaker === 'moved'}>
          <summary>Devices</summary>
          <div class="choices">
            <DeviceChoices call={call} runs />
          </div>
        </details>
      )}
    </div>
  );
}

function Meter({ name, of, icon }: { name: string; of: 'microphone' | 'speech'; icon: 'mic' | 'speaker' }) {
  const level = Math.round(useStore(levels)[of] * 100);
  return (
    <div class="metered" title={`${name} level`}>
      <Icon name={icon} />
      <div class="meter" role="meter" aria-label={`${name} level`} aria-valuemin={0} aria-valuemax={100} aria-valuenow={level}>
        <span style={{ width: `${level}%` }} />
      </div>
    </div>
  );
}

function Composer({ call }: { call: CallState }) {
  const [text, setText] = useState('');
  const field = useRef<HTMLInputElement>(null);
  const disabled = call.phase !== 'live';
  const submit = (event: Event) => {
    event.preventDefault();
    if (text.trim() && !disabled) {
      write(text.trim());
      setText('');
      field.current?.focus();
    }
  };
  return (
    <form class="composer" onSubmit={submit}>
      <label class="hidden" for="say">
        Write instead of speaking
      </label>
      <input
        ref={field}
        id="say"
        data-home={call.microphone !== 'on' || undefined}
        value={text}
        autocomplete="off"
        placeholder="Write instead of speaking"
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button class="icon" type="submit" disabled={disabled || !text.trim()} aria-label="Send">
        <Icon name="send" />
      </button>
    </form>
  );
}

// -- What was said --------------------------------------------------------------------------------------------

const NEAR_THE_END_PX = 40;

function Transcript({ lines, phase }: { lines: readonly Line[]; phase: string }) {
  const list = useRef<HTMLOListElement>(null);
  const follows = useRef(true); // until the reader scrolls back
  useLayoutEffect(() => {
    if (follows.current) list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [lines]);
  const scrolled = ({ currentTarget: { scrollHeight, scrollTop, clientHeight } }: { currentTarget: Element }) => {
    follows.current = scrollHeight - scrollTop - clientHeight < NEAR_THE_END_PX;
  };
  if (lines.length === 0) {
    return phase === 'live' ? (
      <p class="empty">
        Try: “My name is Ada.” “Count to five.” “Use set theme for dark.” Interrupt whenever you like.
      </p>
    ) : null;
  }
  return (
    <>
      <ol ref={list} class="transcript" aria-label="Transcript" data-test="transcript" tabIndex={0} onScroll={scrolled}>
        {lines.map((line) => (
          <Said key={line.item} line={line} />
        ))}
      </ol>
      <p class="hidden" role="status" data-test="told">
        {happened(lines)}
      </p>
    </>
  );
}

/** Words are heard as they come; what happens between them is told. */
function happened(lines: readonly Line[]): string {
  const last = lines.findLast((line) => line.kind !== 'said');
  if (last === undefined) return '';
  return last.kind === 'seam' ? last.text : `${last.name} ${last.given} → ${last.answered}`;
}

function Said({ line }: { line: Line }) {
  if (line.kind === 'seam') {
    return (
      <li class="seam" data-test="seam">
        <Icon name="seam" /> {line.text}
      </li>
    );
  }
  if (line.kind === 'tool') {
    return (
      <li class="seam tool" data-test="tool">
        <Icon name="tool" /> {line.name} <code>{line.given}</code> → <code>{line.answered}</code>
      </li>
    );
  }
  return (
    <li class={line.by} data-test={line.by}>
      <span class="hidden">{line.by === 'user' ? 'You: ' : 'Agent: '}</span>
      {line.text || <span class="wait">…</span>}
      {line.cut && <span class="cut"> interrupted</span>}
    </li>
  );
}
