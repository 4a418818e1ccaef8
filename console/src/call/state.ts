// What the views know of a call.

import { type DialectName, NO_TOKENS, type Tokens } from '../dialects/acts.ts';
import type { Refused } from '../sound/microphone.ts';
import { Store } from '../store.ts';
import type { Ending } from './endings.ts';
import type { Seen } from './events.ts';
import type { Transcript } from './transcript.ts';

export interface Choice {
  dialect: DialectName;
  model: string; // '' : not known yet what there is
  device: string;
  loudspeaker: string; // '' : where the system sends it
  handsFree: boolean;
  session: string; // '' : a new one
}

export type Phase = 'idle' | 'opening' | 'live' | 'away' | 'ending' | 'ended';

export interface CallState {
  phase: Phase;
  choice: Choice;
  session: string;
  microphone: Refused | 'lost' | 'withdrawn' | 'off' | 'on' | null; // off: typing only
  loudspeaker: 'on' | 'moved' | 'gone' | 'stopped'; // moved: the chosen one is gone
  muted: boolean;
  pressed: boolean;
  userSpeaks: boolean;
  agentSpeaks: boolean;
  ending: Ending | null;
  notice: string;
  lines: Transcript;
  // Watch
  target: string;
  targets: readonly string[];
  gatewayState: string;
  elsewhere: boolean; // the machine that was asked does not have the call
  switching: string; // '' : none asked for
  tokens: Tokens;
  replies: number;
  seconds: number | null; // of the session, where time is what is billed
  firstAudioMs: readonly number[];
  roundTripMs: number | null;
  creditsBefore: number | null;
  credits: number | null;
  reconnects: number;
  gaps: number;
}

export const CHOICE: Choice = { dialect: 'openai', model: '', device: '', loudspeaker: '', handsFree: true, session: '' };

export const QUIET: CallState = {
  phase: 'idle',
  choice: CHOICE,
  session: '',
  microphone: null,
  loudspeaker: 'on',
  muted: false,
  pressed: false,
  userSpeaks: false,
  agentSpeaks: false,
  ending: null,
  notice: '',
  lines: [],
  target: '',
  targets: [],
  gatewayState: '',
  elsewhere: false,
  switching: '',
  tokens: NO_TOKENS,
  replies: 0,
  seconds: null,
  firstAudioMs: [],
  roundTripMs: null,
  creditsBefore: null,
  credits: null,
  reconnects: 0,
  gaps: 0,
};

export const state = new Store<CallState>(QUIET);

// Apart, because they change 50 times a second, and so few views look at them.
export const levels = new Store({ microphone: 0, speech: 0, bufferedMs: 0 });
export const wire = new Store<{ seen: readonly Seen[] }>({ seen: [] });
