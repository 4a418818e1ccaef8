// Light or dark: as the system has it, until the user (or the agent, by its tool) says otherwise.

import type { Theme } from './call/tools.ts';

const KEPT_AS = 'realtime-switch theme';

export function setTheme(theme: Theme): void {
  document.documentElement.dataset['theme'] = theme;
  localStorage.setItem(KEPT_AS, theme);
}

export function themeNow(): Theme {
  const chosen = document.documentElement.dataset['theme'];
  if (chosen === 'light' || chosen === 'dark') return chosen;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

export function restoreTheme(): void {
  const kept = localStorage.getItem(KEPT_AS);
  if (kept === 'light' || kept === 'dark') document.documentElement.dataset['theme'] = kept;
}
