// Short notices at the foot of the page, some with a way back.

const SHOWN_MS = 7000;

export interface Toast {
  readonly id: number;
  readonly text: string;
  /** What the notice offers, e.g. to undo. */
  readonly action: { readonly label: string; readonly run: () => void } | null;
  readonly alarming: boolean;
}

export class Toasts {
  list = $state.raw<readonly Toast[]>([]);
  private count = 0;
  private readonly closers = new Map<number, () => void>();

  /** `closed` is called once, when the notice goes without its action having been used. */
  show(
    text: string,
    { action = null, alarming = false, closed }: Partial<Pick<Toast, 'action' | 'alarming'>> & { closed?: () => void } = {},
  ): void {
    const id = ++this.count;
    const timer = setTimeout(() => this.close(id), SHOWN_MS);
    this.closers.set(id, () => {
      clearTimeout(timer);
      closed?.();
    });
    this.list = [...this.list.slice(-2), { id, text, action, alarming }];
    for (const old of this.closers.keys()) if (!this.list.some((toast) => toast.id === old)) this.close(old);
  }

  close(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
    this.closers.get(id)?.();
    this.closers.delete(id);
  }

  use(toast: Toast): void {
    const closed = this.closers.get(toast.id);
    this.closers.delete(toast.id);
    this.list = this.list.filter(({ id }) => id !== toast.id);
    if (closed !== undefined) toast.action?.run();
  }

  /** The page is being left: what could be taken back no longer can. */
  closeAll(): void {
    for (const { id } of this.list) this.close(id);
  }
}
