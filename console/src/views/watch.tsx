// What happens in the call that is shown beside it.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { switchTo } from '../call/call.ts';
import { chosen, type Filter, pretty, type Seen } from '../call/events.ts';
import { type CallState, levels, wire } from '../call/state.ts';
import { useStore } from '../store.ts';
import { clock, counted, median, millis, number } from './words.ts';
import { Icon } from './icon.tsx';

const PHASES: Record<CallState['phase'], string> = {
  idle: 'No call',
  opening: 'Connecting',
  live: 'Live',
  away: 'Reconnecting',
  ending: 'Ending',
  ended: 'Ended',
};

export function Watch({ call }: { call: CallState }) {
  return (
    <aside class="watch" aria-label="Watch the call">
      <section class="card" aria-labelledby="facts-title">
        <div class="row">
          <h2 id="facts-title">The call</h2>
          <span class={`phase ${call.phase}`} data-test="phase">
            {PHASES[call.phase]}
          </span>
        </div>
        {call.phase === 'idle' ? (
          <p class="empty">Who speaks, how soon, and what it costs: it is shown here while you talk.</p>
        ) : (
          <Facts call={call} />
        )}
        {call.phase === 'live' && <Switch call={call} />}
      </section>
      <Events />
    </aside>
  );
}

function Facts({ call }: { call: CallState }) {
  const { tokens } = call;
  const spent = call.creditsBefore !== null && call.credits !== null ? call.creditsBefore - call.credits : null;
  const first = call.firstAudioMs;
  return (
    <>
      <dl class="facts">
        <Fact name="Speaks now" value={call.target || '–'} note={whereabouts(call)} test="target" wide />
        <Fact name="First audio" value={millis(first.at(-1) ?? null)} note={first.length > 1 ? `median ${millis(median(first))}` : ''} test="first-audio" />
        <Fact name="Round trip" value={millis(call.roundTripMs)} note="to the gateway" test="round-trip" />
        <Fact name="Spent" value={spent === null ? '–' : number(spent)} note={`credits, ${counted(call.replies, 'reply', 'replies')}`} test="spent" />
        {call.seconds !== null && <Fact name="Time" value={clock(call.seconds * 1000)} note="of the session, billed" test="seconds" />}
        <Fact name="Buffer" value={<Buffered />} note={<><span data-test="gaps">{counted(call.gaps, 'gap')}</span>, {counted(call.reconnects, 'reconnect')}</>} />
      </dl>
      <table class="tokens" data-test="tokens">
        <caption>Tokens</caption>
        <thead>
          <tr>
            <td />
            <th scope="col">text</th>
            <th scope="col">audio</th>
            <th scope="col">cached</th>
            <th scope="col">other</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">in</th>
            <td>{number(tokens.inputText)}</td>
            <td>{number(tokens.inputAudio)}</td>
            <td>{number(tokens.cached)}</td>
            <td>{number(tokens.other)}</td>
          </tr>
          <tr>
            <th scope="row">out</th>
            <td>{number(tokens.outputText)}</td>
            <td>{number(tokens.outputAudio)}</td>
            <td />
            <td />
          </tr>
        </tbody>
      </table>
    </>
  );
}

function whereabouts({ target, gatewayState, elsewhere }: CallState): string {
  if (target === '' && elsewhere) return 'Several machines share this address, and another one has the call.';
  return gatewayState === 'live' ? '' : gatewayState;
}

function Buffered() {
  return <>{useStore(levels, REDRAWN_MS).bufferedMs} ms</>;
}

function Fact({ name, value, note = '', test = '', wide = false }: { name: string; value: ComponentChildren; note?: ComponentChildren; test?: string; wide?: boolean }) {
  return (
    <div class={wide ? 'wide' : ''}>
      <dt>{name}</dt>
      <dd data-test={test || undefined}>
        {value} {note && <small>{note}</small>}
      </dd>
    </div>
  );
}

function Switch({ call }: { call: CallState }) {
  const others = call.targets.filter((one) => one !== call.target);
  const [picked, setPicked] = useState('');
  const target = others.includes(picked) ? picked : (others[0] ?? '');
  if (call.targets.length === 0) return null;
  if (call.choice.dialect === 'gpt-live') return <p class="hint">A GPT-Live session stays with its provider.</p>;
  if (others.length === 0) {
    return <p class="hint">This route has one target, so there is nowhere to switch to. Give it another in the configuration.</p>;
  }
  return (
    <form
      class="switch"
      onSubmit={(event) => {
        event.preventDefault();
        if (call.switching === '') void switchTo(target);
      }}
    >
      <label for="target">Move the running call</label>
      <select id="target" value={target} onChange={(event) => setPicked(event.currentTarget.value)}>
        {others.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
      <button type="submit" aria-disabled={call.switching !== ''} data-test="switch">
        <Icon name="seam" /> {call.switching ? 'At the end of the turn …' : 'Switch'}
      </button>
    </form>
  );
}

// -- Events ---------------------------------------------------------------------------------------------------

const SHOWN = 200;
const REDRAWN_MS = 250;

function Events() {
  const { seen } = useStore(wire, REDRAWN_MS);
  const [filter, setFilter] = useState<Filter>({ text: '', direction: 'both', audio: false });
  const [open, setOpen] = useState<number | null>(null);
  const found = chosen(seen, filter);
  return (
    <section class="card events" aria-labelledby="events-title">
      <div class="row">
        <h2 id="events-title">Events</h2>
        <small>
          {found.length} of {seen.length}
        </small>
      </div>
      <div class="filter">
        <input
          type="search"
          aria-label="Filter events by type or content"
          placeholder="Filter"
          value={filter.text}
          onInput={(event) => setFilter({ ...filter, text: event.currentTarget.value })}
        />
        <select
          aria-label="Direction of events"
          value={filter.direction}
          onChange={(event) => setFilter({ ...filter, direction: event.currentTarget.value as Filter['direction'] })}
        >
          <option value="both">both ways</option>
          <option value="in">received</option>
          <option value="out">sent</option>
        </select>
        <label class="check">
          <input
            type="checkbox"
            checked={filter.audio}
            onChange={(event) => setFilter({ ...filter, audio: event.currentTarget.checked })}
          />
          audio
        </label>
      </div>
      {found.length === 0 ? (
        <p class="empty">{seen.length === 0 ? 'Every message of the call appears here.' : 'No event matches. Clear the filter.'}</p>
      ) : (
        <ol class="list" tabIndex={0} aria-label="Events, the last one first">
          {found
            .slice(-SHOWN)
            .reverse()
            .map((one) => (
              <Event key={one.id} one={one} open={open === one.id} toggle={() => setOpen(open === one.id ? null : one.id)} />
            ))}
        </ol>
      )}
    </section>
  );
}

function Event({ one, open, toggle }: { one: Seen; open: boolean; toggle: () => void }) {
  return (
    <li>
      <button class="event" type="button" aria-expanded={open} onClick={toggle}>
        <span class={one.out ? 'out' : 'in'} aria-label={one.out ? 'sent' : 'received'}>
          {one.out ? '↑' : '↓'}
        </span>
        <span class="type">{one.type}</span>
        <time>{clock(one.atMs)}</time>
      </button>
      {open && (
        <div class="raw">
          <pre tabIndex={0}>{pretty(one.raw)}</pre>
          <button class="quiet" type="button" onClick={() => void navigator.clipboard?.writeText(one.raw)}>
            Copy the whole
          </button>
        </div>
      )}
    </li>
  );
}
