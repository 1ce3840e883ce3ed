// An event stream that goes on over broken connections: it is asked for again behind the last id that came, so that
// nothing is lost and nothing comes twice.
import { RequestFailed } from './failure';
import { request } from './http';
import { SseParser, type SseEvent } from './sse';

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5000;

export interface StreamOptions {
  /** The address behind this id ('' for the beginning). */
  readonly url: (after: string) => string;
  readonly after: string;
  readonly signal: AbortSignal;
  /** Whether this event is the stream's last. */
  readonly ends: (event: SseEvent) => boolean;
  /** Called when the connection stands, and when it broke. */
  readonly connected?: (standing: boolean) => void;
  /** Waits before the next try; replaced in tests. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Ends with the last event; throws RequestFailed for what trying again cannot help (4xx), and the signal's reason when
 * aborted.
 */
export async function* follow(options: StreamOptions): AsyncGenerator<SseEvent> {
  const { signal } = options;
  let after = options.after;
  let failures = 0;
  for (;;) {
    try {
      for await (const event of connection(options.url(after), after, signal, options.connected)) {
        failures = 0;
        if (event.id !== '') after = event.id;
        yield event;
        if (options.ends(event)) return;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof RequestFailed && isFinal(error)) throw error;
    }
    signal.throwIfAborted();
    options.connected?.(false);
    const ms = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures);
    failures++;
    await (options.wait ?? waited)(ms, signal);
  }
}

function isFinal({ failure }: RequestFailed): boolean {
  return ['unauthorized', 'missing', 'rejected', 'conflict'].includes(failure.kind);
}

async function* connection(
  url: string,
  after: string,
  signal: AbortSignal,
  connected: StreamOptions['connected'],
): AsyncGenerator<SseEvent> {
  const headers: Record<string, string> = { accept: 'text/event-stream' };
  if (after !== '') headers['last-event-id'] = after;
  const response = await request(url, { headers, cache: 'no-store', signal });
  if (response.body === null) return;
  connected?.(true);
  const parser = new SseParser();
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(value);
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

/** Resolves after this time, earlier when the browser is online again; rejects when aborted. */
function waited(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      window.removeEventListener('online', end);
      signal.removeEventListener('abort', abort);
      resolve();
    };
    const abort = (): void => {
      end();
      reject(signal.reason as Error);
    };
    const timer = setTimeout(end, ms);
    window.addEventListener('online', end);
    signal.addEventListener('abort', abort);
  });
}
