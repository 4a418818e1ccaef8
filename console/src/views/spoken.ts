// The text of a conversation, as the history keeps it (docs/memory.md), in its lines. Pure.

export interface Spoken {
  by: 'user' | 'agent' | 'tool';
  text: string;
}

/** A line is "user: …", "agent: …" or "tool: …"; whatever follows belongs to it until the next. */
export function spoken(text: string): Spoken[] {
  return [...text.matchAll(/^(user|agent|tool): ([\s\S]*?)(?=^(?:user|agent|tool): |$(?![\s\S]))/gm)].map((found) => ({
    by: found[1] as Spoken['by'],
    text: found[2]!.trim(),
  }));
}
