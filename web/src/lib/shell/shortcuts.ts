// The keyboard's shortcuts: one table for what they do and for the page that lists them.

export type Shortcut = 'palette' | 'newChat' | 'sidebar' | 'focus' | 'copyLast' | 'delete' | 'stop' | 'shortcuts';

interface Keys {
  readonly key: string;
  /** Ctrl, on a Mac Cmd. */
  readonly command: boolean;
  readonly shift: boolean;
}

export const SHORTCUTS: Readonly<Record<Shortcut, Keys>> = {
  palette: { key: 'k', command: true, shift: false },
  newChat: { key: 'o', command: true, shift: true },
  sidebar: { key: 's', command: true, shift: true },
  focus: { key: 'Escape', command: false, shift: true },
  copyLast: { key: 'c', command: true, shift: true },
  delete: { key: 'Backspace', command: true, shift: true },
  stop: { key: 'Escape', command: false, shift: false },
  shortcuts: { key: '?', command: false, shift: true },
};

type Press = Pick<
  KeyboardEvent,
  'key' | 'ctrlKey' | 'metaKey' | 'shiftKey' | 'altKey' | 'isComposing' | 'defaultPrevented' | 'target'
>;

export function shortcutOf(press: Press): Shortcut | null {
  if (press.isComposing || press.defaultPrevented || press.altKey) return null;
  const command = press.ctrlKey || press.metaKey;
  for (const [name, keys] of Object.entries(SHORTCUTS) as [Shortcut, Keys][]) {
    if (press.key.toLowerCase() !== keys.key.toLowerCase() || command !== keys.command) continue;
    if (name === 'shortcuts') {
      if (!isField(press.target)) return name; // where "?" stands differs by keyboard: Shift or not
    } else if (press.shiftKey === keys.shift) return name;
  }
  return null;
}

/** The keys as they are printed, e.g. ["Ctrl", "Shift", "O"]. */
export function keysOf(shortcut: Shortcut, mac: boolean): string[] {
  const { key, command, shift } = SHORTCUTS[shortcut];
  const name = key.length === 1 ? key.toUpperCase() : key === 'Escape' ? 'Esc' : key;
  return [
    ...(command ? [mac ? '⌘' : 'Ctrl'] : []),
    ...(shift && shortcut !== 'shortcuts' ? [mac ? '⇧' : 'Shift'] : []),
    name,
  ];
}

function isField(target: EventTarget | null): boolean {
  return typeof HTMLElement !== 'undefined' && target instanceof HTMLElement
    ? target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
    : false;
}
