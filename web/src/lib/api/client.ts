// The server's API as the page uses it: docs/web-api.md.
import type { Failure } from '../chat/conversation';
import type { PromptMessage } from '../chat/prompt';
import { failureOfError, failureOfResponse, RequestFailed } from './failure';
import { SseParser } from './sse';

export interface ModelInfo {
  readonly id: string;
}

export type Readiness = 'ready' | 'not_ready' | 'unreachable';

/** What the page shows of GET /api/app/info. */
export interface ServerInfo {
  readonly status: string; // loading, ready, no_model, failed, stopping, signed_out
  readonly mode: string; // owner, accounts, setup
  /** The name of who is signed in; '' for nobody. */
  readonly account: string;
  readonly error: string;
  /** Share of the model file that was read, 0 to 1; null when nothing is being loaded. */
  readonly loaded: number | null;
}

/** One step of a streamed answer. */
export type StreamStep =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'finish'; readonly reason: string }
  | { readonly type: 'usage'; readonly completionTokens: number };

const READY_TIMEOUT_MS = 4000;

/** Never throws. */
export async function fetchReadiness(): Promise<Readiness> {
  try {
    const response = await fetch('/ready', {
      cache: 'no-store',
      signal: AbortSignal.timeout(READY_TIMEOUT_MS),
    });
    if (response.ok) return 'ready';
    return response.status === 503 ? 'not_ready' : 'unreachable';
  } catch {
    return 'unreachable';
  }
}

/** Never throws; null where the server could not say. */
export async function fetchInfo(): Promise<ServerInfo | null> {
  try {
    const response = await fetch('/api/app/info', {
      cache: 'no-store',
      signal: AbortSignal.timeout(READY_TIMEOUT_MS),
    });
    const body: unknown = response.ok ? await response.json() : null;
    const status = field(body, 'status');
    if (typeof status !== 'string') return null;
    const loading = field(body, 'loading');
    const done = Number(field(loading, 'bytes_done'));
    const total = Number(field(loading, 'bytes_total'));
    const error = field(body, 'error');
    const mode = field(body, 'mode');
    const account = field(field(body, 'account'), 'name');
    return {
      status,
      mode: typeof mode === 'string' ? mode : 'owner',
      account: typeof account === 'string' ? account : '',
      error: typeof error === 'string' ? error : '',
      loaded: total > 0 && done >= 0 ? Math.min(1, done / total) : null,
    };
  } catch {
    return null;
  }
}

/** The models in the server's order, the configured one first. Throws RequestFailed. */
export async function fetchModels(): Promise<ModelInfo[]> {
  const response = await request('/v1/models', { cache: 'no-store' });
  const body: unknown = await response.json().catch(() => null);
  const list = field(body, 'data');
  if (!Array.isArray(list)) throw new RequestFailed({ kind: 'server', detail: '' });
  return list
    .map((entry) => field(entry, 'id'))
    .filter((id): id is string => typeof id === 'string')
    .map((id) => ({ id }));
}

/**
 * Streams one answer. Ends normally only when the server closed the stream as complete; throws RequestFailed for
 * everything else, and the signal's reason when aborted.
 */
export async function* streamAnswer(
  model: string,
  messages: readonly PromptMessage[],
  signal: AbortSignal,
): AsyncGenerator<StreamStep> {
  const response = await request('/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ model, messages, stream: true, stream_options: { include_usage: true } }),
    signal,
  });
  if (response.body === null) throw new RequestFailed({ kind: 'server', detail: '' });

  const parser = new SseParser();
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new RequestFailed({ kind: 'unreachable', detail: '' }); // cut off before [DONE]
      for (const event of parser.push(value)) {
        if (event.data === '[DONE]') return;
        yield* stepsOf(event.data);
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof RequestFailed ? error : new RequestFailed(failureOfError(error));
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

function* stepsOf(data: string): Generator<StreamStep> {
  const chunk = parsed(data);
  const error = field(chunk, 'error');
  if (error !== undefined && error !== null) throw new RequestFailed(failureOfResponse(500, data));
  const choice: unknown = (field(chunk, 'choices') as unknown[] | undefined)?.[0];
  const text = field(field(choice, 'delta'), 'content');
  if (typeof text === 'string' && text !== '') yield { type: 'text', text };
  const reason = field(choice, 'finish_reason');
  if (typeof reason === 'string') yield { type: 'finish', reason };
  const tokens = field(field(chunk, 'usage'), 'completion_tokens');
  if (typeof tokens === 'number') yield { type: 'usage', completionTokens: tokens };
}

async function request(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    init.signal?.throwIfAborted();
    throw new RequestFailed(failureOfError(error));
  }
  if (response.ok) return response;
  const failure: Failure = failureOfResponse(response.status, await response.text().catch(() => ''));
  throw new RequestFailed(failure);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
