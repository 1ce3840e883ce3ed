// One table from what the server or the network says to what the page tells the user.
import type { Failure, FailureKind } from '../chat/conversation';

export class RequestFailed extends Error {
  constructor(readonly failure: Failure) {
    super(failure.detail);
  }
}

const MAX_DETAIL = 500;

const BY_CODE: Readonly<Record<string, FailureKind>> = {
  context_length_exceeded: 'context_length',
  model_loading: 'loading',
  server_stopping: 'stopping',
  server_busy: 'busy',
  invalid_api_key: 'unauthorized',
  rate_limit_exceeded: 'busy',
};

const BY_STATUS: Readonly<Record<number, FailureKind>> = {
  401: 'unauthorized',
  403: 'unauthorized',
  429: 'busy',
  503: 'loading',
};

/** `body` is expected in OpenAI's error shape: {"error": {"message", "type", "code"}}. */
export function failureOfResponse(status: number, body: string): Failure {
  const error = errorOf(body);
  const code = typeof error?.code === 'string' ? error.code : '';
  const kind =
    BY_CODE[code] ?? BY_STATUS[status] ?? (status >= 400 && status < 500 ? 'rejected' : 'server');
  const message = typeof error?.message === 'string' ? error.message : '';
  return { kind, detail: message.slice(0, MAX_DETAIL) };
}

/** What fetch or a stream's reader threw: always a connection that could not be made or broke. */
export function failureOfError(_error: unknown): Failure {
  return { kind: 'unreachable', detail: '' };
}

function errorOf(body: string): { message?: unknown; code?: unknown } | null {
  try {
    const json = JSON.parse(body) as { error?: unknown } | null;
    const error = json?.error;
    return typeof error === 'object' && error !== null ? error : null;
  } catch {
    return null;
  }
}
