// Frames as the protocol pages have them, and what the page makes of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Act, NO_TOKENS, type Settings } from '../src/dialects/acts.ts';
import { gemini } from '../src/dialects/gemini.ts';
import { gptLive } from '../src/dialects/gpt_live.ts';
import { openai } from '../src/dialects/openai.ts';
import { toBase64 } from '../src/sound/pcm.ts';

const SETTINGS: Settings = {
  model: 'm',
  instructions: 'Be brief.',
  handsFree: true,
  tools: [{ name: 'set_theme', description: 'd', parameters: { type: 'object' } }],
};
const ACCESS = { origin: 'ws://here', secret: 'ek_1', session: 's 1' };

for (const prefix of ['response.output_audio', 'response.audio']) {
  test(`OpenAI, spelt ${prefix}: a reply is heard and read`, () => {
    const dialect = openai(false);
    const acts = [
      { type: 'session.created', session: {} },
      { type: 'input_audio_buffer.speech_started', item_id: 'u' },
      { type: 'input_audio_buffer.speech_stopped', item_id: 'u' },
      { type: 'response.created', response: { id: 'r' } },
      { type: `${prefix}.delta`, item_id: 'a', delta: 'AAA=' },
      { type: `${prefix}_transcript.delta`, item_id: 'a', delta: 'Hel' },
      { type: `${prefix}_transcript.done`, item_id: 'a', transcript: 'Hello' },
      { type: 'conversation.item.input_audio_transcription.delta', item_id: 'u', delta: 'hi' },
      { type: 'conversation.item.input_audio_transcription.completed', item_id: 'u', transcript: 'hi there' },
      { type: 'rate_limits.updated' },
      { type: 'something.of.tomorrow', item_id: 7 },
    ].flatMap((event) => dialect.read(event));
    assert.deepEqual(acts, [
      { kind: 'ready' },
      { kind: 'user-began', item: 'u' },
      { kind: 'interrupted' },
      { kind: 'user-ended' },
      { kind: 'reply-began', reply: 'r' },
      { kind: 'sound', item: 'a', base64: 'AAA=' },
      { kind: 'words', by: 'agent', item: 'a', text: 'Hel', whole: false },
      { kind: 'words', by: 'agent', item: 'a', text: 'Hello', whole: true },
      { kind: 'words', by: 'user', item: 'u', text: 'hi', whole: false },
      { kind: 'words', by: 'user', item: 'u', text: 'hi there', whole: true },
    ] satisfies Act[]);
  });
}

test('OpenAI: the end of a reply brings tokens and calls', () => {
  const response = {
    id: 'r',
    status: 'completed',
    output: [{ type: 'function_call', call_id: 'c', name: 'set_theme', arguments: '{"theme":"dark"}' }],
    usage: {
      input_token_details: { text_tokens: 31, audio_tokens: 9, cached_tokens: 4, image_tokens: 2 },
      output_token_details: { text_tokens: 5, audio_tokens: 15 },
    },
  };
  assert.deepEqual(openai(false).read({ type: 'response.done', response }), [
    { kind: 'reply-ended', reply: 'r', status: 'completed', message: '' },
    { kind: 'used', tokens: { inputText: 31, inputAudio: 9, cached: 4, outputText: 5, outputAudio: 15, other: 2 } },
    { kind: 'tool', id: 'c', name: 'set_theme', arguments: { theme: 'dark' } },
  ]);
  const cancelled = { ...response, status: 'cancelled', usage: null };
  assert.deepEqual(openai(false).read({ type: 'response.done', response: cancelled }), [
    { kind: 'reply-ended', reply: 'r', status: 'cancelled', message: '' },
  ]);
});

test('OpenAI: a reply is cancelled only while it runs', () => {
  const dialect = openai(false);
  assert.deepEqual(dialect.cancel(), []);
  dialect.read({ type: 'response.created', response: { id: 'r' } });
  assert.deepEqual(dialect.pressed(), [{ type: 'response.cancel' }, { type: 'input_audio_buffer.clear' }]);
  dialect.read({ type: 'response.done', response: { id: 'r', status: 'cancelled' } });
  assert.deepEqual(dialect.cancel(), []);
});

test('OpenAI: what follows from timing alone is no trouble, and everything else is', () => {
  const told = (code: string) => openai(false).read({ type: 'error', error: { type: 'e', code, message: 'No.' } });
  assert.deepEqual(told('response_cancel_not_active'), []);
  assert.deepEqual(told('switch_refused'), [{ kind: 'trouble', code: 'switch_refused', message: 'No.' }]);
});

test('OpenAI: GA and beta ask for the same in their own shapes', () => {
  const [ga] = openai(false).begin(SETTINGS) as [{ session: Record<string, unknown> }];
  const [beta] = openai(true).begin({ ...SETTINGS, handsFree: false }) as [{ session: Record<string, unknown> }];
  assert.deepEqual(ga.session['audio'], {
    input: {
      format: { type: 'audio/pcm', rate: 24_000 },
      transcription: { model: 'gpt-4o-mini-transcribe' },
      turn_detection: { type: 'server_vad', silence_duration_ms: 500 },
    },
    output: { format: { type: 'audio/pcm', rate: 24_000 } },
  });
  assert.equal(beta.session['turn_detection'], null);
  assert.equal(beta.session['type'], undefined);
  assert.deepEqual(openai(true).address(ACCESS, SETTINGS), {
    url: 'ws://here/v1/realtime?model=m&session_id=s+1',
    protocols: ['realtime', 'openai-insecure-api-key.ek_1', 'openai-beta.realtime-v1'],
  });
});

test('Gemini: a turn, with everything in one frame or each in its own', () => {
  const audio = { inlineData: { mimeType: 'audio/pcm;rate=24000', data: 'AAA=' } };
  const apart = [
    { serverContent: { inputTranscription: { text: 'hi' } } },
    { serverContent: { modelTurn: { parts: [audio] } } },
    { serverContent: { outputTranscription: { text: 'Hello' } } },
    { serverContent: { turnComplete: true } },
  ];
  const together = [
    {
      serverContent: {
        inputTranscription: { text: 'hi' },
        modelTurn: { role: 'model', parts: [{ text: 'I think', thought: true }, audio] },
        outputTranscription: { text: 'Hello' },
        turnComplete: true,
      },
    },
    {},
    { serverContent: {} },
  ];
  const expected: Act[] = [
    { kind: 'words', by: 'user', item: 'user-0', text: 'hi', whole: false },
    { kind: 'reply-began', reply: 'turn-1' },
    { kind: 'sound', item: 'turn-1', base64: 'AAA=' },
    { kind: 'words', by: 'agent', item: 'turn-1', text: 'Hello', whole: false },
    { kind: 'reply-ended', reply: 'turn-1', status: 'completed', message: '' },
  ];
  for (const frames of [apart, together]) {
    const dialect = gemini();
    assert.deepEqual(frames.flatMap((frame) => dialect.read(frame)), expected);
  }
});

test('Gemini: an interruption ends the turn, and the next one has another name', () => {
  const dialect = gemini();
  const speech = { serverContent: { outputTranscription: { text: 'One' } } };
  dialect.read(speech);
  assert.deepEqual(dialect.read({ serverContent: { interrupted: true } }), [
    { kind: 'interrupted' },
    { kind: 'reply-ended', reply: 'turn-1', status: 'cancelled', message: '' },
  ]);
  assert.deepEqual(dialect.read({ serverContent: { turnComplete: true } }), []);
  assert.deepEqual(dialect.read(speech)[0], { kind: 'reply-began', reply: 'turn-2' });
});

test('Gemini: calls, with and without an id, and tokens, as Vertex names them too', () => {
  const calls = { functionCalls: [{ id: 'fc_1', name: 'f', args: { a: 1 } }, { name: 'g' }] };
  assert.deepEqual(gemini().read({ toolCall: calls }), [
    { kind: 'tool', id: 'fc_1', name: 'f', arguments: { a: 1 } },
    { kind: 'tool', id: 'g', name: 'g', arguments: {} },
  ]);
  for (const name of ['responseTokensDetails', 'candidatesTokensDetails']) {
    const usageMetadata = {
      promptTokensDetails: [
        { modality: 'TEXT', tokenCount: 3 },
        { modality: 'AUDIO', tokenCount: 5 },
        { modality: 'IMAGE', tokenCount: 258 },
      ],
      [name]: [{ modality: 'AUDIO', tokenCount: 7 }],
      thoughtsTokenCount: 2,
    };
    assert.deepEqual(gemini().read({ usageMetadata }), [
      { kind: 'used', tokens: { ...NO_TOKENS, inputText: 3, inputAudio: 5, outputAudio: 7, other: 260 } },
    ]);
  }
});

test('Gemini: the key to talk brackets speech, and is agreed on in the setup', () => {
  const dialect = gemini();
  const [{ setup }] = dialect.begin({ ...SETTINGS, handsFree: false }) as [{ setup: Record<string, unknown> }];
  assert.deepEqual(setup['tools'], [
    { functionDeclarations: [{ name: 'set_theme', description: 'd', parametersJsonSchema: { type: 'object' } }] },
  ]);
  assert.deepEqual(setup['realtimeInputConfig'], { automaticActivityDetection: { disabled: true } });
  assert.deepEqual([...dialect.pressed(), ...dialect.released()], [
    { realtimeInput: { activityStart: {} } },
    { realtimeInput: { activityEnd: {} } },
  ]);
  assert.equal(dialect.switchTo('x/y'), null);
});

const piece = (value: number) => toBase64(new Int16Array(2_400).fill(value)); // 100 ms
const live = (value: number) => ({ type: 'session.output_audio.delta', delta: piece(value) });
const fragment = (who: 'input' | 'output', delta: string, at: number) => ({ type: `session.${who}_transcript.delta`, delta, start_ms: at, end_ms: at + 200 });

test('GPT-Live: out of sound without turns come stretches of speech, and their words', () => {
  const dialect = gptLive();
  const acts = [
    { type: 'session.started', session: {} },
    ...Array.from({ length: 5 }, () => live(0)),
    fragment('input', ' my name', 200),
    fragment('input', ' is Ada', 400),
    fragment('output', ' Oh.', 800), // the words may come before the sound
    live(9_000),
    fragment('output', ' Nice', 1_000),
    live(7), // a tick, no speech: a pause
    fragment('output', ' one.', 1_200),
    ...Array.from({ length: 20 }, () => live(0)),
    fragment('input', ' Thanks', 3_000),
    live(-9_000),
  ];
  const found = acts.flatMap((event) => dialect.read(event));
  const words = (by: 'user' | 'agent', item: string, text: string): Act => ({ kind: 'words', by, item, text, whole: false });
  const sound = (item: string, value: number): Act => ({ kind: 'sound', item, base64: piece(value) });
  assert.deepEqual(found, [
    { kind: 'ready' },
    words('user', 'user-1', ' my name'),
    words('user', 'user-1', ' is Ada'),
    words('agent', 'stretch-1', ' Oh.'),
    { kind: 'reply-began', reply: 'stretch-1' },
    sound('stretch-1', 9_000),
    words('agent', 'stretch-1', ' Nice'),
    sound('stretch-1', 7),
    words('agent', 'stretch-1', ' one.'),
    ...Array.from({ length: 7 }, () => sound('stretch-1', 0)),
    { kind: 'reply-ended', reply: 'stretch-1', status: 'completed', message: '' },
    words('user', 'user-2', ' Thanks'),
    { kind: 'reply-began', reply: 'stretch-2' },
    sound('stretch-2', -9_000),
  ]);
});

test('GPT-Live: the backend calls, and costs; the session lasts', () => {
  const dialect = gptLive();
  const told = (event: object) => dialect.read({ type: 'response.event', delegation_id: 'd', event: event as Record<string, unknown> });
  const item = { type: 'function_call', call_id: 'c', name: 'set_theme', arguments: '{"theme":"dark"}' };
  const usage = { input_tokens: 412, input_tokens_details: { cached_tokens: 9 }, output_tokens: 31 };
  assert.deepEqual(
    [
      ...told({ type: 'response.output_item.done', item }),
      ...told({ type: 'response.output_item.done', item: { type: 'web_search_call' } }),
      ...told({ type: 'response.completed', response: { usage } }),
      ...told({ type: 'response.completed', response: { usage: null } }),
      ...dialect.read({ type: 'session.usage.updated', usage: { seconds: 15 } }),
      ...dialect.read({ type: 'session.closed', reason: 'expired', usage: { seconds: 16.5 } }),
      ...dialect.read({ type: 'error', error: { type: 'server_error', code: null, message: 'No.' } }),
    ],
    [
      { kind: 'tool', id: 'c', name: 'set_theme', arguments: { theme: 'dark' } },
      { kind: 'used', tokens: { ...NO_TOKENS, inputText: 412, cached: 9, outputText: 31 } },
      { kind: 'lasted', seconds: 15 },
      { kind: 'lasted', seconds: 16.5 },
      { kind: 'trouble', code: 'server_error', message: 'No.' },
    ],
  );
});

test('GPT-Live: the first message says it all, and what is written goes to the backend', () => {
  const dialect = gptLive();
  assert.deepEqual(dialect.address(ACCESS, SETTINGS), {
    url: 'ws://here/v1/live/sessions?session_id=s+1',
    protocols: ['realtime', 'openai-insecure-api-key.ek_1'],
  });
  assert.deepEqual(dialect.begin(SETTINGS), [
    {
      type: 'session.start',
      session: {
        model: 'm',
        instructions: 'Be brief.',
        delegation: {
          type: 'responses',
          responses: {
            model: 'gpt-5.6-terra',
            instructions: 'Be brief.',
            tools: [{ type: 'function', name: 'set_theme', description: 'd', parameters: { type: 'object' } }],
            tool_choice: 'auto',
          },
        },
      },
    },
  ]);
  assert.deepEqual([...dialect.text('hi'), ...dialect.answer('c', 'f', { a: 1 })], [
    { type: 'response.item.create', item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] } },
    { type: 'response.create' },
    { type: 'response.item.create', item: { type: 'function_call_output', call_id: 'c', output: '{"a":1}' } },
    { type: 'response.create' },
  ]);
});

test('whatever a server says, no dialect throws', () => {
  const odd: unknown[] = [null, 1, 'x', [], [null], { a: null }, true];
  const names = ['type', 'item_id', 'delta', 'response', 'error', 'serverContent', 'toolCall', 'usageMetadata', 'usage', 'event'];
  for (const type of ['response.done', 'error', 'response.created', 'response.audio.delta', 'session.output_audio.delta', 'session.usage.updated', 'response.event', '']) {
    for (const name of names) {
      for (const value of odd) {
        for (const dialect of [openai(false), openai(true), gemini(), gptLive()]) dialect.read({ type, [name]: value });
      }
    }
  }
});

test('who leaves says goodbye where the dialect has a word for it', () => {
  const goodbyes = [openai(false), gemini(), gptLive()].map((dialect) => dialect.goodbye());
  assert.deepEqual(goodbyes, [[], [], [{ type: 'session.close' }]]);
});
