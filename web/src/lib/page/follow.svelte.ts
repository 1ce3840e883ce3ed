// Keeps the end of the page in view while an answer grows, until the user scrolls away.

const NEAR_PX = 80;

export class Follow {
  following = $state(true);
  private lastTop = 0;

  /** Watches `content`; returns what ends it. */
  attach(content: Element): () => void {
    const observer = new ResizeObserver(() => {
      if (this.following) this.toEnd();
    });
    const onScroll = (): void => {
      const { scrollTop, scrollHeight, clientHeight } = document.documentElement;
      const atEnd = scrollHeight - clientHeight - scrollTop < NEAR_PX;
      // Content that grows moves the end away without any scrolling; only going up is leaving.
      if (atEnd) this.following = true;
      else if (scrollTop < this.lastTop - 2) this.following = false;
      this.lastTop = scrollTop;
    };
    observer.observe(content);
    window.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      observer.disconnect();
      window.removeEventListener('scroll', onScroll);
    };
  }

  /** Something else is to be seen; at the end of the page that is no leaving. */
  leave(): void {
    const { scrollTop, scrollHeight, clientHeight } = document.documentElement;
    this.following = scrollHeight - clientHeight - scrollTop < NEAR_PX;
  }

  toEnd(): void {
    this.following = true;
    window.scrollTo({ top: document.documentElement.scrollHeight, behavior: 'instant' });
  }
}
