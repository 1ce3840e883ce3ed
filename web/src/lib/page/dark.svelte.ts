// Whether the page is dark now: the chosen theme, else the system's.
import { MediaQuery } from 'svelte/reactivity';

import { settings } from '../settings.svelte';

const system = new MediaQuery('(prefers-color-scheme: dark)');

/** Reactive. */
export const darkNow = (): boolean =>
  settings.theme === 'system' ? system.current : settings.theme === 'dark';
