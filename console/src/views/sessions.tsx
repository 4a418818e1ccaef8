// What is remembered: to be found, read, taken away, deleted, and gone on with.

import { useEffect, useRef, useState } from 'preact/hooks';
import { state } from '../call/state.ts';
import { ask, askForText, type Page, type Session, type WholeSession } from '../http.ts';
import { Failed } from './account.tsx';
import { useAsked } from './asked.ts';
import { Icon } from './icon.tsx';
import { spoken } from './spoken.ts';
import { counted, number, when } from './words.ts';

const named = () => decodeURIComponent(location.hash.split('/')[1] ?? '');
const SEARCH_WAITS_MS = 250;

export function SessionsView({ secret }: { secret: string }) {
  const [id, setId] = useState(named);
  useEffect(() => {
    const go = () => setId(named());
    addEventListener('hashchange', go);
    return () => removeEventListener('hashchange', go);
  }, []);
  return <div class="pages">{id ? <One key={id} secret={secret} id={id} /> : <All secret={secret} />}</div>;
}

function All({ secret }: { secret: string }) {
  const [typed, setTyped] = useState('');
  const [search, setSearch] = useState('');
  const [more, setMore] = useState<Session[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const [why, setWhy] = useState('');
  const path = (after: string) => `/v1/sessions?${new URLSearchParams({ limit: '20', ...(search ? { q: search } : {}), ...(after ? { after } : {}) })}`;
  const first = useAsked(() => ask<Page<Session>>(secret, path('')), [secret, search]);
  useEffect(() => {
    const timer = setTimeout(() => setSearch(typed.trim()), SEARCH_WAITS_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  useEffect(() => {
    setMore([]);
    setNext(first.found?.next ?? null);
  }, [first.found]);
  const goOn = () =>
    ask<Page<Session>>(secret, path(next!)).then(
      (page) => {
        setMore((before) => [...before, ...page.data]);
        setNext(page.next);
        setWhy('');
      },
      (error: Error) => setWhy(error.message),
    );
  const all = [...(first.found?.data ?? []), ...more];
  return (
    <>
      <h1 tabIndex={-1} data-home>
        Sessions
      </h1>
      <div class="filter">
        <input
          type="search"
          aria-label="Search in what was said"
          placeholder="Search in what was said"
          maxLength={200}
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      </div>
      {first.why && <Failed why={first.why} again={first.again} />}
      {first.found && all.length === 0 && (
        <p class="empty card">
          {search ? `Nobody said “${search}”.` : 'Nothing is remembered yet.'} {!search && <a href="#talk">Hold a call.</a>}
        </p>
      )}
      <ul class="sessions" data-test="sessions">
        {all.map((one) => (
          <li key={one.id} class="card">
            <a href={`#sessions/${encodeURIComponent(one.id)}`}>
              <span class="row">
                <b>{when(one.updated_at)}</b>
                {one.live && <span class="phase live">Live</span>}
              </span>
              <span class="preview">{one.preview.trim() || 'Nothing was said.'}</span>
              <small>
                {one.id} · {number(one.credits)} credits
              </small>
            </a>
          </li>
        ))}
      </ul>
      {why && <Failed why={why} again={() => void goOn()} />}
      {next !== null && (
        <button type="button" onClick={() => void goOn()}>
          Show older ones
        </button>
      )}
    </>
  );
}

/** When it ended, unless that was in the minute that the heading names. */
const until = ({ created_at, updated_at }: WholeSession) =>
  when(updated_at) === when(created_at) ? '' : `until ${when(updated_at)} · `;

const FORMATS = { text: 'txt', jsonl: 'jsonl' } as const;

function One({ secret, id }: { secret: string; id: string }) {
  const path = `/v1/sessions/${encodeURIComponent(id)}`;
  const session = useAsked(() => ask<WholeSession>(secret, path), [secret, path]);
  const [older, setOlder] = useState<string[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const [why, setWhy] = useState('');
  useEffect(() => setNext(session.found?.passages.next ?? null), [session.found]);
  const failed = (error: Error) => setWhy(error.message);
  const goOn = () =>
    ask<WholeSession>(secret, `${path}?${new URLSearchParams({ after: next! })}`).then(({ passages }) => {
      setOlder((before) => [...before, ...passages.data.map(({ text }) => text)]);
      setNext(passages.next);
    }, failed);
  const take = (format: keyof typeof FORMATS) =>
    askForText(secret, `${path}?format=${format}`).then((text) => download(`${id}.${FORMATS[format]}`, text), failed);
  const found = session.found;
  const said = [...(found?.passages.data.map(({ text }) => text) ?? []), ...older].join('');
  return (
    <>
      <p>
        <a href="#sessions">← All sessions</a>
      </p>
      <div>
        <h1 tabIndex={-1} data-home>
          {found ? `Session of ${when(found.created_at)}` : 'Session'}
        </h1>
        <p class="hint">
          <code>{id}</code>
        </p>
        {found && (
          <p class="hint">
            {until(found)}
            {number(found.credits)} credits, {counted(found.usage.responses, 'reply', 'replies')}
          </p>
        )}
      </div>
      {session.why && <Failed why={session.why} again={session.again} />}
      {why && <Failed why={why} again={() => setWhy('')} />}
      {found && (
        <>
          <div class="actions">
            <button class="primary" type="button" onClick={() => goOnWith(id)}>
              Go on with it
            </button>
            <button type="button" onClick={() => void take('text')}>
              Export as text
            </button>
            <button type="button" onClick={() => void take('jsonl')}>
              Export as JSON lines
            </button>
            <Delete secret={secret} path={path} failed={failed} />
          </div>
          <ol class="card transcript whole" aria-label="Transcript" data-test="whole-transcript">
            {spoken(said).map(({ by, text }, n) => (
              <li key={n} class={by === 'tool' ? 'seam' : by}>
                <span class="hidden">{by}: </span>
                {by === 'tool' ? <Icon name="tool" /> : text}
                {by === 'tool' && <code>{text}</code>}
              </li>
            ))}
          </ol>
          {next !== null && (
            <button type="button" onClick={() => void goOn()}>
              Show what follows
            </button>
          )}
          {found.switches.length > 0 && (
            <section class="card" aria-labelledby="switches-title">
              <h2 id="switches-title">Switches</h2>
              <ul class="plain">
                {found.switches.map((one) => (
                  <li key={one.created_at}>
                    {when(one.created_at)}: {one.from} → {one.to ?? 'nobody'} <small>({one.cause})</small>
                  </li>
                ))}
              </ul>
            </section>
          )}
        </>
      )}
    </>
  );
}

function Delete({ secret, path, failed }: { secret: string; path: string; failed: (error: Error) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const remove = () =>
    ask(secret, path, { method: 'DELETE' }).then(
      () => (location.hash = 'sessions'),
      (error: Error) => {
        dialog.current?.close();
        failed(error);
      },
    );
  return (
    <>
      <button class="danger" type="button" onClick={() => dialog.current?.showModal()}>
        Delete
      </button>
      <dialog ref={dialog} aria-labelledby="delete-title">
        <h2 id="delete-title">Delete this conversation?</h2>
        <p>What was said and its settings are gone for good. Its bills stay.</p>
        <div class="actions">
          <button class="danger" type="button" onClick={() => void remove()}>
            Delete for good
          </button>
          <button type="button" onClick={() => dialog.current?.close()}>
            Keep it
          </button>
        </div>
      </dialog>
    </>
  );
}

function goOnWith(id: string): void {
  state.set({ choice: { ...state.now.choice, session: id } });
  location.hash = 'talk';
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text]));
  Object.assign(document.createElement('a'), { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}
