// Why a call ended, in a sentence that says what to do, and whether the page tries again by itself. Pure. The
// codes are those of docs/http-api.md.

export interface Ending {
  again: boolean; // the page comes back by itself
  title: string;
  todo: string;
  key: boolean; // another key is needed
}

const AWAY: Ending = {
  again: true,
  title: 'The connection was lost',
  todo: 'The call goes on as soon as the network is back.',
  key: false,
};

const stop = (title: string, todo: string, key = false): Ending => ({ again: false, title, todo, key });

const NO_CREDITS = stop(
  'No credits are left',
  'Top the account up (realtime-switch account topup), then start again. The conversation is kept.',
);
const NO_KEY = stop('Your access has ended', 'Enter your API key again: it was revoked, or two hours have passed.', true);
const PROVIDER = stop(
  'The provider cannot be reached',
  'Every target of the route was tried. Look at the provider’s status or its key in the configuration, or start again with another model.',
);

const BY_NAME: [RegExp, Ending][] = [
  [/NO_CREDITS|insufficient_quota|exceeded your current quota/i, NO_CREDITS],
  [/invalid_api_key|API key not valid|unregistered callers|INVALID_AUTH/i, NO_KEY],
  [/ACCOUNT_CLOSED|account_deactivated/, stop('The account is closed', 'Ask whoever runs this gateway, or use another key.', true)],
  [/PROVIDER_UNAVAILABLE/, PROVIDER],
  [/MODEL_NOT_FOUND|is not found|\.invalid_model/, stop('No route has this name', 'Choose another model, and start again.')],
  [/TAKEN_OVER|\.forbidden/, stop('The call goes on elsewhere', 'Another page or app has opened the same conversation.')],
  [/TOO_MANY_CALLS|rate_limit_exceeded\.rate_limit_exceeded/, stop('Too many calls at once', 'End another call, or wait a moment, and start again.')],
  [/CALL_CAPPED|session_expired/, stop('The call is as long as one may be', 'Start again: the conversation is kept.')],
  [/EXTERNAL_IDLE|\.idle|operation was aborted/, stop('The call was idle', 'Nothing was heard for a while. Start again when you like.')],
];

/** `live`: it had a provider. A session of GPT-Live is not outlived, but what was said is told to the next one. */
export function ending(code: number, reason: string, live: boolean): Ending {
  if (/upstream_disconnected/.test(reason)) return live ? { ...AWAY, title: 'The provider was lost' } : PROVIDER;
  const named = BY_NAME.find(([name]) => name.test(reason));
  if (named !== undefined) return named[1];
  if ([1001, 1005, 1006, 1012, 1013, 1014].includes(code)) return AWAY;
  if (code === 1011) return { ...AWAY, title: 'The gateway met an error' };
  return stop('The call ended', reason || `The gateway closed it with code ${code}.`);
}

const FIRST_MS = 250;
const LONGEST_MS = 5_000;

/** How long to wait before the next try, a little different for each page. */
export function patience(tries: number, chance: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** tries) * (0.75 + chance / 2);
}
