// The Markdown renderer, loaded beside the page instead of before it: the empty page needs none.
import { Lazy } from '../page/lazy.svelte';

export const lazyMarkdown = new Lazy(async () => (await import('../../components/markdown/Markdown.svelte')).default);
