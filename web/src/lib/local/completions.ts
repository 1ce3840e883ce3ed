// One answer from POST /v1/chat/completions: docs/web-api.md.
import { failureOfError, failureOfResponse, RequestFailed } from '../api/failure';
import { request } from '../api/http';
import { SseParser } from '../api/sse';
import type { Sampling, Usage } from '../api/types';

export interface PromptMessage {
  role: string;
  content: string;
}

/** One step of a streamed answer. */
export type StreamStep =
  | { readonly type: 'text' | 'reasoning'; readonly text: string }
  | { readonly type: 'finish'; readonly reason: string }
  | { readonly type: 'usage'; readonly usage: Usage };

/**
 * Streams one answer. Ends normally only when the server closed the stream as complete; throws RequestFailed for
 * everything else, and the signal's reason when aborted.
 */
export async function* streamAnswer(
  model: string,
  messages: readonly PromptMessage[],
  sampling: Sampling,
  signal: AbortSignal,
): AsyncGenerator<StreamStep> {
  const response = await request('/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ ...sampling, model, messages, stream: true, stream_options: { include_usage: true } }),
    signal,
  });
  if (response.body === null) throw new RequestFailed({ kind: 'server', detail: '', code: '' });

  const parser = new SseParser();
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new RequestFailed({ kind: 'unreachable', detail: '', code: '' }); // cut off before [DONE]
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
  const delta = field(choice, 'delta');
  const reasoning = field(delta, 'reasoning_content');
  if (typeof reasoning === 'string' && reasoning !== '') yield { type: 'reasoning', text: reasoning };
  const text = field(delta, 'content');
  if (typeof text === 'string' && text !== '') yield { type: 'text', text };
  const reason = field(choice, 'finish_reason');
  if (typeof reason === 'string') yield { type: 'finish', reason };
  const usage = field(chunk, 'usage') as Partial<Usage> | null | undefined;
  if (typeof usage?.completion_tokens === 'number') {
    const { prompt_tokens = 0, completion_tokens } = usage;
    yield { type: 'usage', usage: { prompt_tokens, cached_tokens: 0, completion_tokens } };
  }
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
