import { useEffect, useState } from 'preact/hooks';
import { access, leave } from './access.ts';
import { end } from './call/call.ts';
import { state } from './call/state.ts';
import { useStore } from './store.ts';
import { setTheme, themeNow } from './theme.ts';
import { AccountView } from './views/account.tsx';
import { Gate } from './views/gate.tsx';
import { Icon } from './views/icon.tsx';
import { SessionsView } from './views/sessions.tsx';
import { TalkView } from './views/talk.tsx';
import { number } from './views/words.ts';

const PLACES = { talk: 'Talk', account: 'Account', sessions: 'Sessions' } as const;
type Place = keyof typeof PLACES;

const placeNow = (): Place => {
  const named = location.hash.slice(1).split('/')[0]!;
  return named in PLACES ? (named as Place) : 'talk';
};

export function App() {
  const { secret } = useStore(access);
  const [place, setPlace] = useState(placeNow);
  useEffect(() => {
    const go = () => setPlace(placeNow());
    addEventListener('hashchange', go);
    return () => removeEventListener('hashchange', go);
  }, []);
  useEffect(() => {
    document.title = secret ? `${PLACES[place]} · Realtime Switch` : 'Realtime Switch';
  }, [place, secret]);
  return (
    <>
      <a class="skip" href="#main" onClick={toMain}>
        Skip to the content
      </a>
      <Top place={secret ? place : null} />
      <main id="main" tabIndex={-1}>
        {!secret && <Gate />}
        {secret && (
          <>
            <div hidden={place !== 'talk'}>
              <TalkView />
            </div>
            {place === 'account' && <AccountView secret={secret} />}
            {place === 'sessions' && <SessionsView secret={secret} />}
          </>
        )}
      </main>
    </>
  );
}

/** The address bar keeps the place, so the link's own target is not followed. */
function toMain(event: Event): void {
  event.preventDefault();
  document.getElementById('main')!.focus();
}

function Top({ place }: { place: Place | null }) {
  return (
    <header class="top">
      <div class="brand">
        <Icon name="mark" />
        <span>Realtime Switch</span>
      </div>
      {place !== null && (
        <nav aria-label="Pages">
          {Object.entries(PLACES).map(([name, title]) => (
            <a key={name} href={`#${name}`} aria-current={name === place ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
      )}
      <div class="top-end">
        {place !== null && <Credits />}
        <ThemeButton />
        {place !== null && (
          <button class="quiet icon" type="button" onClick={signOut} aria-label="Leave: forget this access" title="Leave">
            <Icon name="leave" />
          </button>
        )}
      </div>
    </header>
  );
}

function signOut(): void {
  void end();
  leave();
}

function Credits() {
  const { credits } = useStore(state);
  if (credits === null) return null;
  return (
    <a class={`credits ${credits <= 0 ? 'bad' : ''}`} href="#account" title="Credits left" data-test="credits">
      <b>{number(credits)}</b> <span>credits</span>
    </a>
  );
}

function ThemeButton() {
  const [, again] = useState(0);
  const next = themeNow() === 'dark' ? 'light' : 'dark';
  const turn = () => {
    setTheme(next);
    again((n) => n + 1);
  };
  return (
    <button class="quiet icon" type="button" onClick={turn} aria-label={`Use ${next} colours`} title={`Use ${next} colours`}>
      <Icon name={next === 'dark' ? 'moon' : 'sun'} />
    </button>
  );
}
