// One table from what the server or the network says to what the page tells the user.

/** Why something did not come, or not to its end. `detail` is the server's own sentence, shown small. */
export type FailureKind =
  | 'unreachable' // no connection, or it broke
  | 'loading' // 503 while the model is being loaded
  | 'no_model'
  | 'stopping' // 503 while the server shuts down
  | 'context_length'
  | 'busy' // 429, or 503 with a full queue
  | 'quota'
  | 'unauthorized'
  | 'missing' // 404
  | 'conflict' // 409
  | 'too_large'
  | 'unsupported_file'
  | 'storage'
  | 'rejected' // any other 4xx
  | 'interrupted' // the page was left before the answer had ended
  | 'server'; // 5xx, or something that is no answer

export interface Failure {
  readonly kind: FailureKind;
  readonly detail: string;
  readonly code: string;
}

export class RequestFailed extends Error {
  constructor(readonly failure: Failure) {
    super(failure.detail);
  }
}

const MAX_DETAIL = 500;

const BY_CODE: Readonly<Record<string, FailureKind>> = {
  context_length_exceeded: 'context_length',
  model_loading: 'loading',
  model_not_found: 'no_model',
  server_stopping: 'stopping',
  server_busy: 'busy',
  invalid_api_key: 'unauthorized',
  rate_limit_exceeded: 'busy',
  insufficient_quota: 'quota',
  connection_lost: 'unreachable',
  interrupted: 'interrupted',
  unsupported_attachment: 'unsupported_file',
  storage_unavailable: 'storage',
  model_failed: 'server',
  resource_exhausted: 'server',
};

const BY_STATUS: Readonly<Record<number, FailureKind>> = {
  401: 'unauthorized',
  403: 'unauthorized',
  404: 'missing',
  409: 'conflict',
  413: 'too_large',
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
  return { kind, detail: message.slice(0, MAX_DETAIL), code };
}

/** An error that an answer ended with. */
export function failureOfRecord({ code, message }: { code: string; message: string }): Failure {
  return { kind: BY_CODE[code] ?? 'server', detail: message.slice(0, MAX_DETAIL), code };
}

/** What fetch or a stream's reader threw: always a connection that could not be made or broke. */
export function failureOfError(_error: unknown): Failure {
  return { kind: 'unreachable', detail: '', code: '' };
}

/** The failure of whatever was thrown. */
export function failureOf(error: unknown): Failure {
  return error instanceof RequestFailed ? error.failure : { kind: 'server', detail: '', code: '' };
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
