// Requests to the server. Everything that is not the wanted answer is thrown as RequestFailed.
import { failureOfError, failureOfResponse, RequestFailed } from './failure';

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** JSON in, JSON out; undefined where the answer has no body. */
export async function call<T>(method: Method, url: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const init: RequestInit = { method, cache: 'no-store' };
  if (signal !== undefined) init.signal = signal;
  if (body !== undefined) {
    init.headers = { 'content-type': 'application/json' };
    init.body = JSON.stringify(body);
  }
  const response = await request(url, init);
  if (response.status === 204) return undefined as T;
  try {
    return (await response.json()) as T;
  } catch (error) {
    signal?.throwIfAborted();
    throw new RequestFailed(failureOfError(error));
  }
}

export async function request(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    init.signal?.throwIfAborted();
    throw new RequestFailed(failureOfError(error));
  }
  if (response.ok) return response;
  throw new RequestFailed(failureOfResponse(response.status, await response.text().catch(() => '')));
}

/** The query string of what is given; '' for nothing. */
export function query(values: Readonly<Record<string, string | number | boolean | null | undefined>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}
