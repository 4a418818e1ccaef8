// OpenAI's GPT-Live (GPT-LIVE.md). Nobody takes turns: sound comes all the time, silence and all, and goes there
// all the time, because the session's clock is what it hears. Tools belong to a backend behind the voice.

import { type Access, type Act, count, type Dialect, members, parsed, type Settings, text, type Tokens } from './acts.ts';
import { fromBase64 } from '../sound/pcm.ts';

const GAP_MS = 800; // of silence: a line, or a stretch of speech, is over (GPT-LIVE.md 6)
const TICK = 20 / 0x8000; // what is below is no speech (GPT-LIVE.md 6)
const RATE = 24_000;
const BACKEND = 'gpt-5.6-terra';

export function gptLive(): Dialect {
  let stretch = 0; // of the agent's speech: what he says and its words have its number
  let speaking = false;
  let quietMs = 0;
  let line = 0; // of the user's
  let lineEndMs = -Infinity;

  const userSaid = (event: Record<string, unknown>): Act[] => {
    if (count(event['start_ms']) - lineEndMs > GAP_MS) line += 1;
    lineEndMs = Math.max(lineEndMs, count(event['end_ms']));
    return [{ kind: 'words', by: 'user', item: `user-${line}`, text: text(event['delta']), whole: false }];
  };

  const agentSaid = (event: Record<string, unknown>): Act[] => {
    const item = `stretch-${speaking ? stretch : stretch + 1}`;
    return [{ kind: 'words', by: 'agent', item, text: text(event['delta']), whole: false }];
  };

  // Long silence is not played: so a buffer that has grown shrinks again, and one sees who speaks.
  const sound = (base64: string): Act[] => {
    const samples = fromBase64(base64);
    const loud = samples.some((sample) => Math.abs(sample) > TICK);
    quietMs = loud ? 0 : quietMs + (samples.length / RATE) * 1000;
    if (!speaking && !loud) return [];
    const begins = !speaking;
    if (begins) stretch += 1;
    speaking = quietMs <= GAP_MS;
    const item = `stretch-${stretch}`;
    if (!speaking) return [{ kind: 'reply-ended', reply: item, status: 'completed', message: '' }];
    const piece: Act = { kind: 'sound', item, base64 };
    return begins ? [{ kind: 'reply-began', reply: item }, piece] : [piece];
  };

  const read = (event: Record<string, unknown>): Act[] => {
    switch (text(event['type'])) {
      case 'session.started':
        return [{ kind: 'ready' }];
      case 'session.output_audio.delta':
        return sound(text(event['delta']));
      case 'session.input_transcript.delta':
        return userSaid(event);
      case 'session.output_transcript.delta':
        return agentSaid(event);
      case 'session.usage.updated':
      case 'session.closed':
        return [{ kind: 'lasted', seconds: count(members(event['usage'])['seconds']) }];
      case 'response.event':
        return backend(members(event['event']));
      case 'error': {
        const error = members(event['error']);
        return [{ kind: 'trouble', code: text(error['code']) || text(error['type']), message: text(error['message']) }];
      }
      default:
        return [];
    }
  };

  return {
    rate: RATE,
    clocked: true,
    address: ({ origin, secret, session }: Access) => ({
      url: `${origin}/v1/live/sessions?${new URLSearchParams({ session_id: session })}`,
      protocols: ['realtime', `openai-insecure-api-key.${secret}`],
    }),
    begin: (settings) => {
      lineEndMs = -Infinity; // another session has another clock
      speaking = false;
      return [{ type: 'session.start', session: session(settings) }];
    },
    read,
    audio: (base64) => ({ type: 'session.input_audio.append', audio: base64 }),
    text: (typed) => [
      {
        type: 'response.item.create',
        item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: typed }] },
      },
      { type: 'response.create' },
    ],
    pressed: () => [],
    released: () => [],
    cancel: () => [],
    truncate: () => [],
    answer: (id, _name, result) => [
      { type: 'response.item.create', item: { type: 'function_call_output', call_id: id, output: JSON.stringify(result) } },
      { type: 'response.create' },
    ],
    goodbye: () => [{ type: 'session.close' }], // and its last seconds are told (GPT-LIVE.md 9)
    switchTo: () => null,
  };
}

function session({ model, instructions, tools }: Settings): object {
  return {
    model,
    instructions,
    delegation: {
      type: 'responses',
      responses: { model: BACKEND, instructions, tools: tools.map((tool) => ({ type: 'function', ...tool })), tool_choice: 'auto' },
    },
  };
}

function backend(event: Record<string, unknown>): Act[] {
  const item = members(event['item']);
  switch (text(event['type'])) {
    case 'response.output_item.done':
      if (item['type'] !== 'function_call') return [];
      return [{ kind: 'tool', id: text(item['call_id']), name: text(item['name']), arguments: parsed(text(item['arguments'])) }];
    case 'response.completed':
    case 'response.incomplete':
    case 'response.failed': {
      const usage = members(event['response'])['usage'];
      return usage ? [{ kind: 'used', tokens: tokens(members(usage)) }] : [];
    }
    default:
      return [];
  }
}

function tokens(usage: Record<string, unknown>): Tokens {
  return {
    inputText: count(usage['input_tokens']),
    inputAudio: 0,
    cached: count(members(usage['input_tokens_details'])['cached_tokens']),
    outputText: count(usage['output_tokens']),
    outputAudio: 0,
    other: 0,
  };
}
