// The demo tool: the agent may change how the page looks, which everybody sees at once.

import { text, type Tool } from '../dialects/acts.ts';

export type Theme = 'light' | 'dark';

export const TOOLS: readonly Tool[] = [
  {
    name: 'set_theme',
    description: 'Changes the colours of the page that the user is looking at.',
    parameters: {
      type: 'object',
      properties: { theme: { type: 'string', enum: ['light', 'dark'], description: 'How the page is to look.' } },
      required: ['theme'],
    },
  },
];

export function answer(
  name: string,
  given: Record<string, unknown>,
  setTheme: (theme: Theme) => void,
): Record<string, unknown> {
  const theme = text(given['theme']);
  if (name !== 'set_theme') return { error: `This page has no tool ${name}.` };
  if (theme !== 'light' && theme !== 'dark') return { error: 'theme is light or dark.' };
  setTheme(theme);
  return { theme };
}
