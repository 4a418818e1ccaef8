// What both sides said, and what happened between, in the order of the conversation. Pure.

import type { Speaker } from '../dialects/acts.ts';

export type Line =
  | { kind: 'said'; by: Speaker; item: string; text: string; cut: boolean } // cut: the user interrupted
  | { kind: 'tool'; item: string; name: string; given: string; answered: string }
  | { kind: 'seam'; item: string; text: string };

export type Transcript = readonly Line[];

/** `whole`: in place of what was there. A user's words may arrive when the answer has begun: they stand before it. */
export function say(lines: Transcript, by: Speaker, item: string, text: string, whole: boolean): Transcript {
  const at = lines.findIndex((line) => line.kind === 'said' && line.item === item);
  const there = lines[at];
  if (there?.kind === 'said') {
    return lines.with(at, { ...there, text: whole ? text || there.text : there.text + text });
  }
  return text.trim() === '' && by === 'agent' ? lines : [...lines, { kind: 'said', by, item, text, cut: false }];
}

/** Where the user begins to speak, before a word of it is known: so that his words stand before the answer. */
export function listen(lines: Transcript, item: string): Transcript {
  return [...lines, { kind: 'said', by: 'user', item, text: '', cut: false }];
}

export function cut(lines: Transcript, item: string): Transcript {
  return lines.map((line) => (line.kind === 'said' && line.item === item ? { ...line, cut: true } : line));
}

export function seam(lines: Transcript, text: string): Transcript {
  return [...lines, { kind: 'seam', item: `seam-${lines.length}`, text }];
}

export function tool(lines: Transcript, item: string, name: string, given: object, answered: object): Transcript {
  const line = { kind: 'tool' as const, item, name, given: JSON.stringify(given), answered: JSON.stringify(answered) };
  return [...lines, line];
}

export function asText(lines: Transcript): string {
  return lines
    .map((line) => {
      if (line.kind === 'said') return `${line.by}: ${line.text}${line.cut ? ' —' : ''}`;
      return line.kind === 'tool' ? `(${line.name} ${line.given} → ${line.answered})` : `(${line.text})`;
    })
    .join('\n');
}
