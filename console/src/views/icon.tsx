const PATHS = {
  mark: 'M4 10v4M8 7v10M20 10v4M16 7v10M12 4v6l0 4v6',
  mic: 'M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3ZM6 11a6 6 0 0 0 12 0M12 17v4',
  muted: 'M4 4l16 16M15 10V6a3 3 0 0 0-5.6-1.5M9 9v2a3 3 0 0 0 4.5 2.6M6 11a6 6 0 0 0 9.5 4.9M12 17v4M18 11c0 1-.2 1.900-.6 2.700',
  speaker: 'M4 10v4h3l5 4V6L7 10ZM15.500 9a4 4 0 0 1 0 6M18 6.500a8 8 0 0 1 0 11',
  end: 'M7 7l10 10M17 7L7 17',
  send: 'M5 12h13M13 6l6 6-6 6',
  stop: 'M7 7h10v10H7z',
  sun: 'M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8ZM12 3v2M12 19v2M3 12h2M19 12h2M5.600 5.600l1.400 1.400M17 17l1.400 1.400M5.600 18.400L7 17M17 7l1.400-1.400',
  moon: 'M20 14.500A8 8 0 0 1 9.500 4 8 8 0 1 0 20 14.500Z',
  leave: 'M14 5H7v14h7M11 12h10M18 9l3 3-3 3',
  tool: 'M14 6a4 4 0 0 0 4.500 5.500L20 13l-6 6-2-2 5-5M4 20l6-6',
  seam: 'M4 7h8l-3-3M20 17h-8l3 3M12 7a5 5 0 0 1 0 10',
} as const;

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg class="glyph" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
