// How the page gets in, and what it keeps (docs/decisions/0019). A key or a link's code is traded for a secret
// that ends after two hours; only that is kept, in the tab, so that a reload does not ask again.

import { ask } from './http.ts';
import { Store } from './store.ts';

const SECONDS = 7_200;
const KEPT_AS = 'realtime-switch secret';

export interface Access {
  secret: string; // '' : nobody is in
  why: string; // why not, when it ended or failed
  trading: boolean;
}

export const access = new Store<Access>({ secret: kept(), why: '', trading: false });

/** The code of the link that `serve` printed. It leaves the address bar before anything else happens. */
export function takeCode(): string {
  const code = location.hash.slice(1);
  if (!code.startsWith('once_')) return '';
  history.replaceState(null, '', location.pathname);
  return code;
}

export async function enter(credential: string): Promise<void> {
  access.set({ trading: true, why: '' });
  try {
    const body = { opens: 'account', expires_after: { anchor: 'created_at', seconds: SECONDS } };
    const made = await ask<{ value: string; expires_at: number }>(credential, '/v1/realtime/client_secrets', { body });
    sessionStorage.setItem(KEPT_AS, JSON.stringify({ secret: made.value, until: made.expires_at }));
    access.set({ secret: made.value, trading: false });
  } catch (error) {
    access.set({ secret: '', trading: false, why: error instanceof Error ? error.message : String(error) });
  }
}

export function leave(why = ''): void {
  sessionStorage.removeItem(KEPT_AS);
  access.set({ secret: '', why });
}

function kept(): string {
  try {
    const { secret, until } = JSON.parse(sessionStorage.getItem(KEPT_AS) ?? '') as { secret: string; until: number };
    return until > Date.now() / 1000 ? secret : '';
  } catch {
    return '';
  }
}
