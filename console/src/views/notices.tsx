// What went wrong, and what to do.

import type { ComponentChildren } from 'preact';
import { listen, resumeSound, start } from '../call/call.ts';
import { type CallState, state } from '../call/state.ts';

type Words = [title: string, todo: string];

const MICROPHONE: Record<string, Words> = {
  insecure: [
    'The microphone needs a secure address',
    'Browsers give it to pages at https:// or on this machine only. Open the page as http://127.0.0.1 or http://localhost, or start the gateway with --tls-cert and --tls-key.',
  ],
  denied: ['The microphone is not allowed', 'Allow it for this page: the icon before the address in the address bar. Then try again.'],
  missing: ['No microphone was found', 'Connect one, or choose another above. Then try again.'],
  busy: ['The microphone cannot be opened', 'Another program may be using it. Close that one, then try again.'],
  lost: [
    'The microphone is gone',
    'It was unplugged, or has stopped. Plug it in again or choose another above. The call goes on, and you can write meanwhile.',
  ],
  withdrawn: [
    'The microphone is not allowed any more',
    'Allow it again: the icon before the address in the address bar. Then try again. The call goes on, and you can write meanwhile.',
  ],
};

const LOUDSPEAKER: Record<string, Words> = {
  moved: ['The loudspeaker you chose is gone', 'Sound goes where the system sends it now. Choose another above.'],
  gone: ['There is no loudspeaker', 'Connect one. What is said is written here meanwhile, and the call goes on.'],
  stopped: ['The sound was stopped', 'The system, or another program, took the loudspeaker. What is said is written here meanwhile.'],
};

export function Notices({ call, runs }: { call: CallState; runs: boolean }) {
  const microphone = MICROPHONE[call.microphone ?? ''];
  const loudspeaker = runs ? LOUDSPEAKER[call.loudspeaker] : undefined;
  const again = (typing: boolean) => void start({ ...state.now.choice }, typing);
  return (
    <div class="notices" aria-live="assertive">
      {microphone && (
        <Notice words={microphone}>
          <button type="button" onClick={() => (runs ? void listen(call.choice.device) : again(false))}>
            Try again
          </button>
          {!runs && (
            <button type="button" onClick={() => again(true)}>
              Write instead
            </button>
          )}
        </Notice>
      )}
      {loudspeaker && (
        <Notice words={loudspeaker}>
          {call.loudspeaker === 'stopped' ? (
            <button type="button" onClick={() => void resumeSound()}>
              Play again
            </button>
          ) : (
            <Dismiss what={{ loudspeaker: 'on' }} />
          )}
        </Notice>
      )}
      {call.ending !== null && (
        <Notice words={[call.ending.title, call.ending.todo]}>
          <button type="button" onClick={() => again(call.microphone === 'off')}>
            Start again
          </button>
        </Notice>
      )}
      {call.notice !== '' && (
        <Notice words={['The gateway says', call.notice]}>
          <Dismiss what={{ notice: '' }} />
        </Notice>
      )}
    </div>
  );
}

function Dismiss({ what }: { what: Partial<CallState> }) {
  return (
    <button class="quiet" type="button" onClick={() => state.set(what)}>
      Dismiss
    </button>
  );
}

function Notice({ words: [title, todo], children }: { words: Words; children: ComponentChildren }) {
  return (
    <div class="notice" data-test="notice">
      <div>
        <b>{title}</b>
        <p>{todo}</p>
      </div>
      <div class="todo">{children}</div>
    </div>
  );
}
