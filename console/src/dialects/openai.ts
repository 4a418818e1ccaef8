// OpenAI's Realtime, with both spellings of its events: a server may say either, whatever it was asked in.

import {
  type Access,
  type Act,
  count,
  type Dialect,
  list,
  members,
  parsed,
  type Settings,
  text,
  type Tokens,
} from './acts.ts';

const TRANSCRIBE_WITH = 'gpt-4o-mini-transcribe';

export function openai(beta: boolean): Dialect {
  const running = new Set<string>(); // replies

  return {
    rate: 24_000,
    clocked: false,
    address: ({ origin, secret, session }: Access, { model }: Settings) => ({
      url: `${origin}/v1/realtime?${new URLSearchParams({ model, session_id: session })}`,
      protocols: [
        'realtime',
        `openai-insecure-api-key.${secret}`,
        ...(beta ? ['openai-beta.realtime-v1'] : []),
      ],
    }),
    begin: (settings) => {
      running.clear();
      return [{ type: 'session.update', session: beta ? betaSession(settings) : session(settings) }];
    },
    read: (event) => {
      const acts = read(event);
      for (const act of acts) {
        if (act.kind === 'reply-began') running.add(act.reply);
        if (act.kind === 'reply-ended') running.delete(act.reply);
      }
      return acts;
    },
    audio: (base64) => ({ type: 'input_audio_buffer.append', audio: base64 }),
    text: (said) => [
      ...[...running].slice(-1).map(() => ({ type: 'response.cancel' })),
      {
        type: 'conversation.item.create',
        item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: said }] },
      },
      { type: 'response.create' },
    ],
    pressed: () => [
      ...[...running].slice(-1).map(() => ({ type: 'response.cancel' })),
      { type: 'input_audio_buffer.clear' },
    ],
    released: () => [{ type: 'input_audio_buffer.commit' }, { type: 'response.create' }],
    cancel: () => [...running].slice(-1).map(() => ({ type: 'response.cancel' })),
    truncate: (item, heardMs) => [
      { type: 'conversation.item.truncate', item_id: item, content_index: 0, audio_end_ms: heardMs },
    ],
    answer: (id, _name, result) => [
      {
        type: 'conversation.item.create',
        item: { type: 'function_call_output', call_id: id, output: JSON.stringify(result) },
      },
      { type: 'response.create' },
    ],
    goodbye: () => [],
    switchTo: (target) => [{ type: 'realtime_switch.switch', ...(target ? { target } : {}) }],
  };
}

const turns = (handsFree: boolean) => (handsFree ? { type: 'server_vad', silence_duration_ms: 500 } : null);
const functions = ({ tools }: Settings) => tools.map((tool) => ({ type: 'function', ...tool }));

function session(settings: Settings): object {
  return {
    type: 'realtime',
    instructions: settings.instructions,
    output_modalities: ['audio'],
    audio: {
      input: {
        format: { type: 'audio/pcm', rate: 24_000 },
        transcription: { model: TRANSCRIBE_WITH },
        turn_detection: turns(settings.handsFree),
      },
      output: { format: { type: 'audio/pcm', rate: 24_000 } },
    },
    tools: functions(settings),
    tool_choice: 'auto',
  };
}

function betaSession(settings: Settings): object {
  return {
    instructions: settings.instructions,
    modalities: ['text', 'audio'],
    input_audio_format: 'pcm16',
    output_audio_format: 'pcm16',
    input_audio_transcription: { model: TRANSCRIBE_WITH },
    turn_detection: turns(settings.handsFree),
    tools: functions(settings),
    tool_choice: 'auto',
  };
}

function read(event: Record<string, unknown>): Act[] {
  const item = text(event['item_id']);
  switch (text(event['type'])) {
    case 'session.created':
      return [{ kind: 'ready' }];
    case 'input_audio_buffer.speech_started':
      return [{ kind: 'user-began', item }, { kind: 'interrupted' }];
    case 'input_audio_buffer.speech_stopped':
      return [{ kind: 'user-ended' }];
    case 'conversation.item.input_audio_transcription.delta':
      return [{ kind: 'words', by: 'user', item, text: text(event['delta']), whole: false }];
    case 'conversation.item.input_audio_transcription.completed':
      return [{ kind: 'words', by: 'user', item, text: text(event['transcript']), whole: true }];
    case 'response.created':
      return [{ kind: 'reply-began', reply: text(members(event['response'])['id']) }];
    case 'response.output_audio.delta':
    case 'response.audio.delta':
      return [{ kind: 'sound', item, base64: text(event['delta']) }];
    case 'response.output_audio_transcript.delta':
    case 'response.audio_transcript.delta':
    case 'response.output_text.delta':
    case 'response.text.delta':
      return [{ kind: 'words', by: 'agent', item, text: text(event['delta']), whole: false }];
    case 'response.output_audio_transcript.done':
    case 'response.audio_transcript.done':
      return [{ kind: 'words', by: 'agent', item, text: text(event['transcript']), whole: true }];
    case 'response.done':
      return done(members(event['response']));
    case 'realtime_switch.switched':
      return [{ kind: 'switched', target: `${text(event['provider'])}/${text(event['model'])}` }];
    case 'error':
      return trouble(members(event['error']));
    default:
      return [];
  }
}

function done(response: Record<string, unknown>): Act[] {
  const status = text(response['status']);
  const error = members(members(response['status_details'])['error']);
  const calls = list(response['output']).filter((item) => item['type'] === 'function_call' && status === 'completed');
  return [
    { kind: 'reply-ended', reply: text(response['id']), status, message: text(error['message']) },
    ...(response['usage'] ? [{ kind: 'used' as const, tokens: tokens(members(response['usage'])) }] : []),
    ...calls.map((call) => ({
      kind: 'tool' as const,
      id: text(call['call_id']),
      name: text(call['name']),
      arguments: parsed(text(call['arguments'])),
    })),
  ];
}

function tokens(usage: Record<string, unknown>): Tokens {
  const input = members(usage['input_token_details']);
  const output = members(usage['output_token_details']);
  return {
    inputText: count(input['text_tokens']),
    inputAudio: count(input['audio_tokens']),
    cached: count(input['cached_tokens']),
    outputText: count(output['text_tokens']),
    outputAudio: count(output['audio_tokens']),
    other: count(input['image_tokens']),
  };
}

// What follows from timing alone is no trouble: a reply that ended before its cancellation arrived, or that is
// shorter than what was heard of it by the clock.
const HARMLESS = new Set(['response_cancel_not_active', 'input_audio_buffer_commit_empty']);

function trouble(error: Record<string, unknown>): Act[] {
  const code = text(error['code']) || text(error['type']);
  if (HARMLESS.has(code)) return [];
  return [{ kind: 'trouble', code, message: text(error['message']) }];
}
