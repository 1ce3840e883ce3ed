// The list of chats, grouped by when they were last changed.
import type { Conversation } from '../api/types';

export type GroupName = 'pinned' | 'today' | 'yesterday' | 'week' | 'month' | 'older';

export interface Group {
  readonly name: GroupName;
  /** For older ones: the first day of their month, ms. */
  readonly month: number;
  readonly chats: readonly Conversation[];
}

const DAY_MS = 86_400_000;

/** Latest change first; `now` in ms, days begin at midnight of the browser's time zone. */
export function grouped(chats: readonly Conversation[], now: number): Group[] {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  const groups = new Map<string, { name: GroupName; month: number; chats: Conversation[] }>();
  const sorted = chats.toSorted((a, b) => b.updated_ms - a.updated_ms);
  for (const chat of [...sorted.filter(({ pinned }) => pinned), ...sorted.filter(({ pinned }) => !pinned)]) {
    const name = chat.pinned ? 'pinned' : nameOf(chat.updated_ms, midnight);
    const month = name === 'older' ? monthOf(chat.updated_ms) : 0;
    const key = `${name}${month}`;
    const group = groups.get(key) ?? { name, month, chats: [] };
    group.chats.push(chat);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function nameOf(time: number, midnight: number): GroupName {
  if (time >= midnight) return 'today';
  if (time >= midnight - DAY_MS) return 'yesterday';
  if (time >= midnight - 7 * DAY_MS) return 'week';
  return time >= midnight - 30 * DAY_MS ? 'month' : 'older';
}

function monthOf(time: number): number {
  const date = new Date(time);
  return new Date(date.getFullYear(), date.getMonth(), 1).getTime();
}
