// What went over the wire, for whoever watches: the last of it, filtered. Pure.

export interface Seen {
  id: number;
  atMs: number; // since the call began
  out: boolean; // from the page
  type: string;
  raw: string;
  audio: boolean;
}

export interface Filter {
  text: string;
  direction: 'both' | 'in' | 'out';
  audio: boolean; // also frames with nothing but sound in them
}

const KEPT = 1_000;
const SHOWN_CHARS = 120;

export function see(seen: readonly Seen[], one: Omit<Seen, 'type' | 'audio' | 'id'>, message: object): Seen[] {
  const type = typeOf(message);
  const id = (seen.at(-1)?.id ?? 0) + 1;
  return [...seen.slice(-(KEPT - 1)), { ...one, id, type, audio: isAudio(type, message) }];
}

export function chosen(seen: readonly Seen[], filter: Filter): Seen[] {
  const wanted = filter.text.toLowerCase();
  return seen.filter(
    (one) =>
      (filter.audio || !one.audio) &&
      (filter.direction === 'both' || (filter.direction === 'out') === one.out) &&
      (wanted === '' || one.type.toLowerCase().includes(wanted) || one.raw.toLowerCase().includes(wanted)),
  );
}

/** The JSON, laid out, with long strings (audio) cut for the eye. */
export function pretty(raw: string): string {
  const shorten = (_: string, value: unknown) =>
    typeof value === 'string' && value.length > SHOWN_CHARS
      ? `${value.slice(0, SHOWN_CHARS)}… (${value.length} characters)`
      : value;
  return JSON.stringify(JSON.parse(raw), shorten, 2);
}

/** OpenAI's have a type; Gemini's are named after what they hold. */
function typeOf(message: object): string {
  if ('type' in message && typeof message.type === 'string') return message.type;
  const names = Object.entries(message).map(([name, value]) => {
    const inner = typeof value === 'object' && value !== null && name !== 'usageMetadata' ? Object.keys(value) : [];
    return inner.length > 0 && inner.length < 4 ? `${name}.${inner.join('+')}` : name;
  });
  return names.join(', ') || '{}';
}

function isAudio(type: string, message: object): boolean {
  if (/^((input_audio_buffer|session\.input_audio)\.append|(response\.(output_)?audio|session\.output_audio)\.delta)$/.test(type)) return true;
  return type === '{}' || /^(realtimeInput\.audio|serverContent\.modelTurn|serverContent)$/.test(type)
    ? !('text' in message)
    : false;
}
