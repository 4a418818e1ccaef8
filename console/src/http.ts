// The gateway's HTTP addresses (docs/http-api.md). The secret is in the header, never in an address.

export class Trouble extends Error {
  constructor(
    readonly status: number, // 0: nobody answered
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export async function ask<T>(secret: string, path: string, how: { method?: string; body?: object } = {}): Promise<T> {
  const answer = await send(secret, path, how);
  return (await answer.json()) as T;
}

export async function askForText(secret: string, path: string): Promise<string> {
  return (await send(secret, path, {})).text();
}

async function send(secret: string, path: string, how: { method?: string; body?: object }): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method: how.method ?? (how.body ? 'POST' : 'GET'),
      headers: { authorization: `Bearer ${secret}` },
      ...(how.body ? { body: JSON.stringify(how.body) } : {}),
    });
  } catch {
    throw new Trouble(0, 'away', 'The gateway does not answer. Is it running, and is the network there?');
  }
  if (!answer.ok) throw await troubleOf(answer);
  return answer;
}

async function troubleOf(answer: Response): Promise<Trouble> {
  try {
    const { error } = (await answer.json()) as { error: { code: string; message: string } };
    return new Trouble(answer.status, error.code, error.message);
  } catch {
    return new Trouble(answer.status, 'unknown', `The gateway answered ${answer.status}.`);
  }
}

/** Milliseconds to the gateway and back; null when it did not answer in time. */
export async function roundTrip(withinMs: number): Promise<number | null> {
  const begin = performance.now();
  try {
    const answer = await fetch('/healthz', { signal: AbortSignal.timeout(withinMs), cache: 'no-store' });
    await answer.text();
    return answer.ok ? performance.now() - begin : null;
  } catch {
    return null;
  }
}

export interface Account {
  id: string;
  email: string;
  plan: string;
  credits: number;
  plan_credits: number;
  topup_credits: number;
  key: { indicator: string; label: string };
}

export interface LiveCall {
  id: string;
  state: string;
  dialect: string;
  provider: string | null;
  model: string | null;
  targets: string[];
  since: number;
}

/** What a call may be opened with; none where that cannot be learnt. */
export async function models(secret: string): Promise<string[]> {
  try {
    return (await ask<Page<{ id: string }>>(secret, '/v1/models')).data.map(({ id }) => id);
  } catch {
    return [];
  }
}

export const preferred = (names: readonly string[]): string =>
  names.includes('default') ? 'default' : (names[0] ?? 'default');

export interface Page<T> {
  data: T[];
  has_more: boolean;
  next: string | null;
}

export interface UsageRow {
  day?: string;
  provider?: string;
  kind?: string;
  responses: number;
  total_tokens: number;
  input_text_tokens: number;
  input_audio_tokens: number;
  input_image_tokens: number;
  cached_tokens: number;
  output_text_tokens: number;
  output_audio_tokens: number;
  transcription_tokens: number;
  credits: number;
}

export interface Usage extends Page<UsageRow> {
  total: UsageRow;
}

export interface Session {
  id: string;
  created_at: number;
  updated_at: number;
  characters: number;
  credits: number;
  preview: string;
  live: boolean;
}

export interface WholeSession extends Session {
  usage: UsageRow;
  switches: { created_at: number; from: string | null; to: string | null; cause: string }[];
  passages: Page<{ id: string; created_at: number; text: string }>;
}
