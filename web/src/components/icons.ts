export type IconName = keyof typeof ICONS;

export const ICONS = {
  send: ['M12 19V5', 'M6 11l6-6 6 6'],
  stop: ['M7.5 7.5h9v9h-9z'],
  newChat: ['M12 5H7a2 2 0 0 0-2 2v10a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2v-5', 'M10.5 13.5l.6-2.6 7-7 2 2-7 7z'],
  settings: ['M4 8h9', 'M17 8h3', 'M15 6v4', 'M4 16h3', 'M11 16h9', 'M9 14v4'],
  copy: ['M9 9h10v10H9z', 'M15 9V5H5v10h4'],
  check: ['M5 12.5l4.5 4.5L19 7.5'],
  retry: ['M19 12a7 7 0 1 1-2.1-5', 'M19 4v4h-4'],
  down: ['M12 5v14', 'M6 13l6 6 6-6'],
  wrap: ['M4 6h16', 'M4 12h13a3 3 0 0 1 0 6h-4', 'M15 16l-2 2 2 2', 'M4 18h5'],
  code: ['M9 8l-4 4 4 4', 'M15 8l4 4-4 4'],
  download: ['M12 4v11', 'M7 11l5 5 5-5', 'M5 20h14'],
  close: ['M7 7l10 10', 'M17 7L7 17'],
  alert: ['M12 8v5', 'M12 16.5v.01', 'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17z'],
} as const satisfies Record<string, readonly string[]>;
