// Gathers pieces of text and hands them on together, at most once in two frames: reading needs no more.

const INTERVAL_MS = 30;
const HIDDEN_MS = 250; // a hidden page paints nothing, but its answer goes on

export class FrameBuffer {
  private text = '';
  private scheduled: (() => void) | null = null;
  private flushedAt = 0;

  constructor(private readonly flushed: (text: string) => void) {}

  add(text: string): void {
    this.text += text;
    if (this.scheduled !== null) return;
    const run = (): void => this.flush();
    const timer = setTimeout(run, HIDDEN_MS);
    let frame = 0;
    const paint = (now: number): void => {
      if (now - this.flushedAt >= INTERVAL_MS) run();
      else frame = requestAnimationFrame(paint);
    };
    frame = requestAnimationFrame(paint);
    this.scheduled = () => {
      clearTimeout(timer);
      cancelAnimationFrame(frame);
    };
  }

  flush(): void {
    this.scheduled?.();
    this.scheduled = null;
    this.flushedAt = performance.now();
    if (this.text === '') return;
    const text = this.text;
    this.text = '';
    this.flushed(text);
  }
}
