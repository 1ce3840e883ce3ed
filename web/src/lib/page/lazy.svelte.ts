// A module that is loaded when it is first needed, and again later where the server was away.

const RETRY_MS = 2000;

export class Lazy<T> {
  /** Null until it is there. */
  value = $state.raw<T | null>(null);
  /** True once loading has succeeded or failed: what is there may be shown. */
  settled = $state(false);
  private asked = false;

  constructor(private readonly importing: () => Promise<T>) {}

  /** Starts loading, once; gives what is there by now. Reactive. */
  get(): T | null {
    this.load();
    return this.value;
  }

  load(): void {
    if (this.asked) return;
    this.asked = true;
    this.importing()
      .then(
        (value) => (this.value = value),
        () => {
          setTimeout(() => {
            this.asked = false;
            this.load();
          }, RETRY_MS);
        },
      )
      .finally(() => (this.settled = true));
  }
}
