// What is said in a call, in no dialect's words: acts are heard, wishes are told. Pure, like the dialects.

export interface Tokens {
  inputText: number;
  inputAudio: number;
  cached: number; // part of the two above
  outputText: number;
  outputAudio: number;
  other: number; // images, transcription, thoughts, results of tools
}

export const NO_TOKENS: Tokens = {
  inputText: 0,
  inputAudio: 0,
  cached: 0,
  outputText: 0,
  outputAudio: 0,
  other: 0,
};

export type Speaker = 'user' | 'agent';

export type Act =
  | { kind: 'ready' }
  | { kind: 'user-began'; item: string } // '' where the dialect does not say which
  | { kind: 'user-ended' }
  | { kind: 'interrupted' } // whatever is playing is to stop
  | { kind: 'reply-began'; reply: string }
  | { kind: 'reply-ended'; reply: string; status: string; message: string }
  | { kind: 'sound'; item: string; base64: string }
  | { kind: 'words'; by: Speaker; item: string; text: string; whole: boolean } // whole: in place of what was there
  | { kind: 'tool'; id: string; name: string; arguments: Record<string, unknown> }
  | { kind: 'used'; tokens: Tokens }
  | { kind: 'lasted'; seconds: number } // the whole session, where time is what is billed
  | { kind: 'switched'; target: string }
  | { kind: 'trouble'; code: string; message: string };

export interface Tool {
  name: string;
  description: string;
  parameters: Record<string, unknown>;
}

export interface Settings {
  model: string;
  instructions: string;
  handsFree: boolean; // the provider finds where speech begins and ends; otherwise a key does
  tools: readonly Tool[];
}

export interface Access {
  origin: string; // ws://host:port
  secret: string;
  session: string;
}

/** How a call is opened, what is said in it and what is heard. Tells return the frames to send. */
export interface Dialect {
  readonly rate: number; // of the microphone
  readonly clocked: boolean; // its time is what it hears: silence is said as well
  address(access: Access, settings: Settings): { url: string; protocols: string[] };
  begin(settings: Settings): object[];
  read(message: Record<string, unknown>): Act[];
  audio(base64: string): object;
  text(text: string): object[];
  pressed(): object[]; // the key to talk
  released(): object[];
  cancel(): object[];
  truncate(item: string, heardMs: number): object[];
  answer(id: string, name: string, result: Record<string, unknown>): object[];
  goodbye(): object[]; // none: who leaves hangs up
  switchTo(target: string): object[] | null; // null: no such message, ask over HTTP
}

export type DialectName = 'openai' | 'openai-beta' | 'gemini' | 'gpt-live';

// JSON of which nothing is known.
type Members = Record<string, unknown>;

export const members = (value: unknown): Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {};
export const list = (value: unknown): Members[] => (Array.isArray(value) ? value.map(members) : []);
export const text = (value: unknown): string => (typeof value === 'string' ? value : '');
export const count = (value: unknown): number => (typeof value === 'number' ? value : 0);
export const parsed = (json: string): Members => {
  try {
    return members(JSON.parse(json));
  } catch {
    return {};
  }
};
