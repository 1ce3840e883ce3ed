// Gathers pieces of text and hands them on together, once per frame that is painted.

const HIDDEN_MS = 250; // a hidden page paints nothing, but its answer goes on

export class FrameBuffer {
  private text = '';
  private scheduled: (() => void) | null = null;

  constructor(private readonly flushed: (text: string) => void) {}

  add(text: string): void {
    this.text += text;
    if (this.scheduled !== null) return;
    const run = (): void => this.flush();
    const timer = setTimeout(run, HIDDEN_MS);
    const frame = requestAnimationFrame(run);
    this.scheduled = () => {
      clearTimeout(timer);
      cancelAnimationFrame(frame);
    };
  }

  flush(): void {
    this.scheduled?.();
    this.scheduled = null;
    if (this.text === '') return;
    const text = this.text;
    this.text = '';
    this.flushed(text);
  }
}
