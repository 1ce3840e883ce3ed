// Whether the server is there, who is signed in, and which models it has: docs/web-api.md.
import { call } from './http';

export interface ModelInfo {
  readonly id: string;
  /** Tokens; null while the model is not loaded. */
  readonly context_length: number | null;
  readonly owned_by: string;
}

export type Readiness = 'ready' | 'not_ready' | 'unreachable';

/** What the page shows of GET /api/app/info. */
export interface ServerInfo {
  readonly status: string; // loading, ready, no_model, failed, stopping, signed_out
  readonly mode: string; // owner, accounts, setup
  /** The name of who is signed in; '' for nobody. */
  readonly account: string;
  readonly admin: boolean;
  readonly version: string;
  /** Whether the server keeps conversations. */
  readonly conversations: boolean;
  /** Another one with every start of the server. */
  readonly instance: string;
  readonly error: string;
  /** Share of the model file that was read, 0 to 1; null when nothing is being loaded. */
  readonly loaded: number | null;
}

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
    const text = (name: string): string => {
      const value = field(body, name);
      return typeof value === 'string' ? value : '';
    };
    return {
      status,
      mode: typeof mode === 'string' ? mode : 'owner',
      account: typeof account === 'string' ? account : '',
      admin: field(field(body, 'account'), 'role') === 'admin',
      conversations: field(body, 'conversations') === true,
      version: text('version'),
      instance: text('instance'),
      error: typeof error === 'string' ? error : '',
      loaded: total > 0 && done >= 0 ? Math.min(1, done / total) : null,
    };
  } catch {
    return null;
  }
}

/** The models in the server's order, the configured one first. Throws RequestFailed. */
export async function fetchModels(): Promise<readonly ModelInfo[]> {
  const { data } = await call<{ data: readonly Partial<ModelInfo>[] }>('GET', '/v1/models');
  return data
    .filter((entry): entry is Partial<ModelInfo> & { id: string } => typeof entry.id === 'string')
    .map(({ id, context_length = null, owned_by = '' }) => ({ id, context_length, owned_by }));
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
