// Gemini Live. Frames hold several things at once, in both casings of their names (GEMINI-LIVE.md 2, 4).

import { type Access, type Act, count, type Dialect, list, members, type Settings, text, type Tokens } from './acts.ts';

const METHOD = 'google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent';

export function gemini(): Dialect {
  let turn = 0; // Gemini's turns have no names
  let heard = 0; // what the user says next, neither
  let speaking = false;

  const read = (message: Record<string, unknown>): Act[] => {
    const acts: Act[] = [];
    if ('setupComplete' in message) acts.push({ kind: 'ready' });
    const activity = text(members(message['voiceActivity'])['type']);
    if (activity === 'ACTIVITY_START') acts.push({ kind: 'user-began', item: '' });
    if (activity === 'ACTIVITY_END') acts.push({ kind: 'user-ended' });
    acts.push(...content(members(message['serverContent'])));
    for (const call of list(members(message['toolCall'])['functionCalls'])) {
      const name = text(call['name']);
      acts.push({ kind: 'tool', id: text(call['id']) || name, name, arguments: members(call['args']) });
    }
    if (message['usageMetadata']) acts.push({ kind: 'used', tokens: tokens(members(message['usageMetadata'])) });
    return acts;
  };

  const content = (said: Record<string, unknown>): Act[] => {
    const acts: Act[] = [];
    const words = (name: string) => text(members(said[name])['text']);
    if (words('inputTranscription')) {
      acts.push({ kind: 'words', by: 'user', item: `user-${heard}`, text: words('inputTranscription'), whole: false });
    }
    if (said['interrupted']) acts.push({ kind: 'interrupted' }, ...ended('cancelled'));
    for (const part of list(members(said['modelTurn'])['parts'])) {
      const data = text(members(part['inlineData'])['data']);
      const written = part['thought'] ? '' : text(part['text']);
      if (data || written) acts.push(...began());
      if (data) acts.push({ kind: 'sound', item: `turn-${turn}`, base64: data });
      if (written) acts.push({ kind: 'words', by: 'agent', item: `turn-${turn}`, text: written, whole: false });
    }
    if (words('outputTranscription')) {
      acts.push(...began());
      acts.push({ kind: 'words', by: 'agent', item: `turn-${turn}`, text: words('outputTranscription'), whole: false });
    }
    if (said['turnComplete']) acts.push(...ended('completed'));
    return acts;
  };

  const began = (): Act[] => {
    if (speaking) return [];
    speaking = true;
    turn += 1;
    heard += 1; // what the user says from now on is another turn of his
    return [{ kind: 'reply-began', reply: `turn-${turn}` }];
  };

  const ended = (status: string): Act[] => {
    if (!speaking) return [];
    speaking = false;
    return [{ kind: 'reply-ended', reply: `turn-${turn}`, status, message: '' }];
  };

  return {
    rate: 16_000,
    clocked: false,
    address: ({ origin, secret, session }: Access) => ({
      url: `${origin}/ws/${METHOD}?${new URLSearchParams({ access_token: secret, session_id: session })}`,
      protocols: [],
    }),
    begin: (settings) => {
      speaking = false;
      return [{ setup: setup(settings) }];
    },
    read,
    audio: (base64) => ({ realtimeInput: { audio: { mimeType: 'audio/pcm;rate=16000', data: base64 } } }),
    text: (said) => [
      { clientContent: { turns: [{ role: 'user', parts: [{ text: said }] }], turnComplete: true } },
    ],
    pressed: () => [{ realtimeInput: { activityStart: {} } }],
    released: () => [{ realtimeInput: { activityEnd: {} } }],
    cancel: () => [],
    truncate: () => [], // the server counts as heard what it had sent (GEMINI-LIVE.md 5)
    answer: (id, name, result) => [{ toolResponse: { functionResponses: [{ id, name, response: result }] } }],
    goodbye: () => [],
    switchTo: () => null,
  };
}

function setup(settings: Settings): object {
  return {
    model: `models/${settings.model}`,
    generationConfig: { responseModalities: ['AUDIO'] },
    systemInstruction: { parts: [{ text: settings.instructions }] },
    // `parameters` would be Google's own kind of schema, with names in capitals (GEMINI-LIVE.md 6).
    tools: [
      {
        functionDeclarations: settings.tools.map(({ name, description, parameters }) => ({
          name,
          description,
          parametersJsonSchema: parameters,
        })),
      },
    ],
    inputAudioTranscription: {},
    outputAudioTranscription: {},
    ...(settings.handsFree ? {} : { realtimeInputConfig: { automaticActivityDetection: { disabled: true } } }),
  };
}

function tokens(usage: Record<string, unknown>): Tokens {
  const of = (details: unknown, ...modalities: string[]) =>
    list(details)
      .filter((one) => modalities.includes(text(one['modality'])))
      .reduce((sum, one) => sum + count(one['tokenCount']), 0);
  const input = usage['promptTokensDetails'];
  const output = usage['responseTokensDetails'] ?? usage['candidatesTokensDetails'];
  return {
    inputText: of(input, 'TEXT'),
    inputAudio: of(input, 'AUDIO'),
    cached: count(usage['cachedContentTokenCount']),
    outputText: of(output, 'TEXT'),
    outputAudio: of(output, 'AUDIO'),
    other:
      of(input, 'IMAGE', 'VIDEO', 'DOCUMENT') +
      count(usage['toolUsePromptTokenCount']) +
      count(usage['thoughtsTokenCount']),
  };
}
