// The Markdown renderer, loaded beside the page instead of before it: the empty page needs none.
import type Markdown from '../../components/Markdown.svelte';

const RETRY_MS = 2000;

class LazyMarkdown {
  /** Null until it is there; answers are plain text so long. */
  component = $state.raw<typeof Markdown | null>(null);
  /** True once loading has succeeded or failed: what is there may be shown. */
  settled = $state(false);
  private asked = false;

  load(): void {
    if (this.asked) return;
    this.asked = true;
    import('../../components/Markdown.svelte')
      .then((module) => (this.component = module.default))
      .finally(() => (this.settled = true))
      .catch(() => {
        // The server is away just now.
        setTimeout(() => {
          this.asked = false;
          this.load();
        }, RETRY_MS);
      });
  }
}

export const lazyMarkdown = new LazyMarkdown();
