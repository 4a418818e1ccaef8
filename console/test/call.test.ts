import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ending, patience } from '../src/call/endings.ts';
import { chosen, pretty, see, type Seen } from '../src/call/events.ts';
import { Kept } from '../src/call/kept.ts';
import { answer } from '../src/call/tools.ts';
import { asText, cut, listen, say, seam, tool, type Transcript } from '../src/call/transcript.ts';
import { spoken } from '../src/views/spoken.ts';
import { bars } from '../src/views/usage.ts';
import { median, millis } from '../src/views/words.ts';

test('a transcript keeps the order of the conversation, whenever the words arrive', () => {
  let lines: Transcript = listen([], 'u1');
  lines = say(lines, 'agent', 'a1', 'Nice to', false);
  lines = say(lines, 'user', 'u1', 'my name', false);
  lines = say(lines, 'agent', 'a1', ' meet you', false);
  lines = say(lines, 'user', 'u1', 'My name is Ada.', true);
  lines = cut(lines, 'a1');
  lines = seam(lines, 'The call went on at b');
  lines = tool(lines, 't', 'f', { a: 1 }, { b: 2 });
  assert.equal(
    asText(lines),
    'user: My name is Ada.\nagent: Nice to meet you —\n(The call went on at b)\n(f {"a":1} → {"b":2})',
  );
});

test('an empty whole transcript erases nothing, and an agent who says nothing has no line', () => {
  const said = say([], 'user', 'u', 'hi', false);
  assert.deepEqual(say(said, 'user', 'u', '', true), said);
  assert.deepEqual(say([], 'agent', 'a', '', false), []);
});

// [code, reason] as docs/http-api.md has them, GPT-Live's behind them; again; another key.
const ENDS: [number, string, boolean, boolean][] = [
  [1001, 'The gateway is stopping. Connect again.', true, false],
  [1006, '', true, false],
  [1013, 'server_error.INTERNAL_LINK_TIMEOUT', true, false],
  [1011, 'server_error.INTERNAL_UNEXPECTED', true, false],
  [1011, 'server_error.INTERNAL_PROVIDER_UNAVAILABLE', false, false],
  [3000, 'invalid_request_error.invalid_api_key', false, true],
  [1007, 'API key not valid. Please pass a valid API key. It is not one of this gateway.', false, true],
  [4002, 'insufficient_quota.EXTERNAL_NO_CREDITS', false, false],
  [1011, 'You exceeded your current quota, please check your plan. (EXTERNAL_NO_CREDITS)', false, false],
  [4004, 'invalid_request_error.EXTERNAL_MODEL_NOT_FOUND', false, false],
  [4009, 'invalid_request_error.EXTERNAL_TAKEN_OVER', false, false],
  [1008, 'The operation was aborted. (EXTERNAL_TAKEN_OVER)', false, false],
  [3003, 'account_deactivated.EXTERNAL_ACCOUNT_CLOSED', false, true],
  [4008, 'invalid_request_error.EXTERNAL_CALL_CAPPED', false, false],
  [3000, 'invalid_request_error.invalid_api_key', false, true],
  [4002, 'insufficient_quota.insufficient_quota', false, false],
  [4009, 'invalid_request_error.forbidden', false, false],
  [4004, 'invalid_request_error.invalid_model', false, false],
  [4008, 'invalid_request_error.idle', false, false],
  [4029, 'rate_limit_exceeded.rate_limit_exceeded', false, false],
  [1011, 'server_error.upstream_disconnected', false, false],
  [4999, 'nobody knows', false, false],
];
for (const [code, reason, again, key] of ENDS) {
  test(`closed with ${code} ${reason}`, () => {
    const end = ending(code, reason, false);
    assert.deepEqual([end.again, end.key], [again, key]);
    assert.ok(end.title && end.todo);
  });
}

// What GPT-Live's clients are told (docs/dialects-gpt-live.md) means the same as what OpenAI's are told.
const SAME: [number, string, string][] = [
  [4002, 'insufficient_quota.insufficient_quota', 'insufficient_quota.EXTERNAL_NO_CREDITS'],
  [4009, 'invalid_request_error.forbidden', 'invalid_request_error.EXTERNAL_TAKEN_OVER'],
  [4004, 'invalid_request_error.invalid_model', 'invalid_request_error.EXTERNAL_MODEL_NOT_FOUND'],
  [4008, 'invalid_request_error.idle', 'invalid_request_error.EXTERNAL_IDLE'],
  [4008, 'invalid_request_error.session_expired', 'invalid_request_error.EXTERNAL_CALL_CAPPED'],
  [4029, 'rate_limit_exceeded.rate_limit_exceeded', 'rate_limit_exceeded.EXTERNAL_TOO_MANY_CALLS'],
  [1011, 'server_error.upstream_disconnected', 'server_error.INTERNAL_PROVIDER_UNAVAILABLE'],
];
for (const [code, live, realtime] of SAME) {
  test(`${live} is ${realtime}`, () => assert.deepEqual(ending(code, live, false), ending(code, realtime, false)));
}

test('a provider that was there and is lost is called again', () => {
  assert.equal(ending(1011, 'server_error.upstream_disconnected', true).again, true);
  assert.equal(ending(1011, 'server_error.INTERNAL_PROVIDER_UNAVAILABLE', true).again, false);
});

test('what nobody may have heard is kept, from before its first loud frame, and ten seconds of it', () => {
  const kept = new Kept();
  const say = (from: number, to: number, loud: boolean) => {
    for (let n = from; n < to; n++) kept.frame({ n }, loud);
  };
  const numbers = () => kept.all.map((one) => (one as { n: number }).n);
  say(0, 100, false);
  assert.deepEqual(numbers(), [], 'silence is not told again');
  say(100, 103, true);
  assert.deepEqual(numbers(), Array.from({ length: 28 }, (_, n) => 75 + n));
  say(103, 2_000, false);
  assert.deepEqual([numbers().length, numbers()[0]], [500, 1_500]);
  kept.forget();
  say(0, 30, false);
  assert.deepEqual(numbers(), []);
});

test('what is said with the key is kept, quiet as it may be, between its press and its release', () => {
  const kept = new Kept();
  kept.key([{ press: 1 }]);
  for (let n = 0; n < 600; n++) kept.frame({ n }, false);
  kept.key([{ release: 1 }]);
  const { all } = kept;
  assert.deepEqual([all.length, all[0], all[1], all.at(-1)], [502, { press: 1 }, { n: 100 }, { release: 1 }]);
});

test('each try waits longer, up to a bound', () => {
  const waits = [0, 1, 2, 3, 10, 99].map((tries) => patience(tries, 0.5));
  assert.deepEqual(waits, [250, 500, 1_000, 2_000, 5_000, 5_000]);
  assert.ok(patience(9, 1) <= 6_250 && patience(9, 0) >= 3_750);
});

test('events are named, marked as sound, found and bounded', () => {
  const frames: [object, string, boolean][] = [
    [{ type: 'input_audio_buffer.append', audio: 'AA' }, 'input_audio_buffer.append', true],
    [{ type: 'response.audio.delta' }, 'response.audio.delta', true],
    [{ type: 'session.output_audio.delta' }, 'session.output_audio.delta', true],
    [{ type: 'response.done' }, 'response.done', false],
    [{ realtimeInput: { audio: {} } }, 'realtimeInput.audio', true],
    [{ serverContent: { turnComplete: true }, usageMetadata: { a: 1 } }, 'serverContent.turnComplete, usageMetadata', false],
    [{}, '{}', true],
  ];
  let seen: Seen[] = [];
  for (const [message, type, audio] of frames) {
    seen = see(seen, { atMs: 0, out: 'audio' in message, raw: JSON.stringify(message) }, message);
    assert.deepEqual([seen.at(-1)!.type, seen.at(-1)!.audio], [type, audio]);
  }
  const types = (filter: object) =>
    chosen(seen, { text: '', direction: 'both', audio: false, ...filter }).map((one) => one.type);
  assert.deepEqual(types({}), ['response.done', 'serverContent.turnComplete, usageMetadata']);
  assert.deepEqual(types({ text: 'DONE' }), ['response.done']);
  assert.deepEqual(types({ direction: 'out', audio: true }), ['input_audio_buffer.append']);
  for (let n = 0; n < 1_500; n++) seen = see(seen, { atMs: n, out: false, raw: '{}' }, {});
  assert.deepEqual([seen.length, new Set(seen.map(({ id }) => id)).size], [1_000, 1_000]);
});

test('long strings are cut for the eye only', () => {
  const raw = JSON.stringify({ audio: 'A'.repeat(500), type: 'x' });
  assert.equal(pretty(raw), `{\n  "audio": "${'A'.repeat(120)}… (500 characters)",\n  "type": "x"\n}`);
});

test('the demo tool changes the colours, and says what it cannot do', () => {
  const set: string[] = [];
  const themes = [{ theme: 'dark' }, { theme: 'pink' }, {}].map((given) => answer('set_theme', given, (t) => set.push(t)));
  assert.deepEqual(themes, [{ theme: 'dark' }, { error: 'theme is light or dark.' }, { error: 'theme is light or dark.' }]);
  assert.deepEqual(answer('launch', {}, (t) => set.push(t)), { error: 'This page has no tool launch.' });
  assert.deepEqual(set, ['dark']);
});

test('usage becomes a bar a day, by provider or by kind', () => {
  const row = {
    responses: 1, total_tokens: 9, input_text_tokens: 2, input_audio_tokens: 3, input_image_tokens: 0,
    cached_tokens: 1, output_text_tokens: 0, output_audio_tokens: 4, transcription_tokens: 0,
  };
  const rows = [
    { ...row, day: '2026-11-25', provider: 'openai', credits: 5 },
    { ...row, day: '2026-11-26', provider: 'openai', credits: 7 },
    { ...row, day: '2026-11-26', provider: 'gemini', credits: 2 },
  ];
  const now = Date.parse('2026-11-26T12:00:00Z');
  assert.deepEqual(bars(rows, 'provider', 3, now), {
    parts: ['gemini', 'openai'],
    days: [
      { day: '2026-11-24', values: [0, 0], sum: 0 },
      { day: '2026-11-25', values: [0, 5], sum: 5 },
      { day: '2026-11-26', values: [2, 7], sum: 9 },
    ],
    totals: [2, 12],
    highest: 9,
  });
  const kinds = bars(rows, 'kind', 1, now);
  assert.deepEqual([kinds.parts, kinds.totals], [['text in', 'audio in', 'audio out'], [4, 6, 8]]);
});

test('a conversation is read line by line, those of tools too', () => {
  const text = 'user: Is row four free?\nagent: Let me look.\nAt once.\ntool: seat({"row":4})\ntool: seat -> {"free":false}\nagent: No: sold.\n';
  assert.deepEqual(spoken(text), [
    { by: 'user', text: 'Is row four free?' },
    { by: 'agent', text: 'Let me look.\nAt once.' },
    { by: 'tool', text: 'seat({"row":4})' },
    { by: 'tool', text: 'seat -> {"free":false}' },
    { by: 'agent', text: 'No: sold.' },
  ]);
});

test('numbers read well', () => {
  assert.deepEqual([median([]), median([3]), median([9, 1, 5]), median([4, 1])], [null, 3, 5, 2.5]);
  assert.deepEqual([null, 12.4, 999, 1_250].map(millis), ['–', '12 ms', '999 ms', '1.3 s']);
});
