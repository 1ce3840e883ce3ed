// Days and months as the language says them.
import type { Group } from '../shell/groups';
import { settings } from '../settings.svelte';
import { t } from './catalogue.svelte';

export function groupTitle({ name, month }: Group): string {
  switch (name) {
    case 'pinned':
      return t().pinned;
    case 'today':
      return t().today;
    case 'yesterday':
      return t().yesterday;
    case 'week':
      return t().previousWeek;
    case 'month':
      return t().previousMonth;
    case 'older':
      return new Intl.DateTimeFormat(settings.language, { year: 'numeric', month: 'long' }).format(month);
  }
}

/** Date and time, short; ms. */
export function dateTime(time: number): string {
  return new Intl.DateTimeFormat(settings.language, { dateStyle: 'medium', timeStyle: 'short' }).format(time);
}

/** The day, short; ms. */
export function day(time: number): string {
  return new Intl.DateTimeFormat(settings.language, { dateStyle: 'medium' }).format(time);
}
