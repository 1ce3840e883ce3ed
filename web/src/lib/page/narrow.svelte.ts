// Whether the page is too narrow for a sidebar beside the chat.
import { MediaQuery } from 'svelte/reactivity';

const query = new MediaQuery('(max-width: 54rem)');

/** Reactive. */
export const isNarrow = (): boolean => query.current;
