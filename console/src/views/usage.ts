// From the rows of /v1/usage to bars, one a day, of stacked parts. Pure.

import type { UsageRow } from '../http.ts';

export interface Chart {
  parts: string[]; // names, in the order in which they are stacked
  days: { day: string; values: number[]; sum: number }[];
  totals: number[]; // by part
  highest: number;
}

const KINDS: [string, (row: UsageRow) => number][] = [
  ['text in', (row) => row.input_text_tokens],
  ['audio in', (row) => row.input_audio_tokens],
  ['images in', (row) => row.input_image_tokens],
  ['text out', (row) => row.output_text_tokens],
  ['audio out', (row) => row.output_audio_tokens],
  ['transcription', (row) => row.transcription_tokens],
];

export function bars(rows: readonly UsageRow[], by: 'provider' | 'kind', days: number, nowMs: number): Chart {
  const measures: [string, (row: UsageRow) => number][] =
    by === 'kind'
      ? KINDS.filter(([, of]) => rows.some((row) => of(row) > 0))
      : [...new Set(rows.map((row) => row.provider ?? ''))]
          .sort()
          .map((name) => [name, (row) => (row.provider === name ? row.credits : 0)]);
  const all = Array.from({ length: days }, (_, n) =>
    new Date(nowMs - (days - 1 - n) * 86_400_000).toISOString().slice(0, 10),
  ).map((day) => {
    const ofDay = rows.filter((row) => row.day === day);
    const values = measures.map(([, of]) => ofDay.reduce((sum, row) => sum + of(row), 0));
    return { day, values, sum: values.reduce((a, b) => a + b, 0) };
  });
  return {
    parts: measures.map(([name]) => name),
    days: all,
    totals: measures.map((_, n) => all.reduce((sum, { values }) => sum + values[n]!, 0)),
    highest: Math.max(0, ...all.map(({ sum }) => sum)),
  };
}
