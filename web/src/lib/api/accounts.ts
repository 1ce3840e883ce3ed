// Accounts, sessions, keys and usage: docs/api.md. Times are seconds since 1970.
import { call, query } from './http';

export interface Limits {
  readonly requests_per_minute: number | null;
  readonly tokens_per_minute: number | null;
  readonly parallel_requests: number | null;
  readonly tokens_per_day: number | null;
  readonly models: readonly string[] | null;
}

export interface Account {
  readonly id: string;
  readonly name: string;
  readonly role: 'member' | 'admin';
  readonly created_at: number;
  readonly disabled_at: number | null;
  readonly limits: Limits;
}

export interface Key {
  readonly id: string;
  readonly account_id: string;
  readonly name: string;
  readonly prefix: string;
  readonly scopes: readonly string[];
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly revoked_at: number | null;
  readonly last_used_at: number | null;
}

export interface Session {
  readonly id: string;
  readonly current: boolean;
  readonly last_used_at: number;
  readonly user_agent: string;
  readonly address: string;
}

const list = async <T>(url: string): Promise<readonly T[]> => (await call<{ data: readonly T[] }>('GET', url)).data;

export const changePassword = (old_password: string, new_password: string): Promise<void> =>
  call('POST', '/api/me/password', { old_password, new_password });

export const listSessions = (): Promise<readonly Session[]> => list('/api/sessions');
export const endSession = (id: string): Promise<void> => call('DELETE', `/api/sessions/${encodeURIComponent(id)}`);

export const listKeys = (): Promise<readonly Key[]> => list('/api/keys');
export const createKey = (name: string): Promise<Key & { readonly key: string }> => call('POST', '/api/keys', { name });
export const revokeKey = (id: string): Promise<void> => call('DELETE', `/api/keys/${encodeURIComponent(id)}`);

export const listUsers = (): Promise<readonly Account[]> => list('/api/admin/users');
export const createUser = (name: string, password: string, role: Account['role']): Promise<Account> =>
  call('POST', '/api/admin/users', { name, password, role });

export interface UserChange {
  readonly role?: Account['role'];
  readonly disabled?: boolean;
  readonly limits?: Partial<Limits>;
  readonly password?: string;
}
export const changeUser = (id: string, change: UserChange): Promise<Account> =>
  call('PATCH', `/api/admin/users/${encodeURIComponent(id)}`, change);
export const deleteUser = (id: string): Promise<void> => call('DELETE', `/api/admin/users/${encodeURIComponent(id)}`);

export const listAllKeys = (): Promise<readonly Key[]> => list('/api/admin/keys');
export const revokeAnyKey = (id: string): Promise<void> =>
  call('DELETE', `/api/admin/keys/${encodeURIComponent(id)}`);

export interface UsageSum {
  /** The day, model or account that it is the sum of. */
  readonly group: string;
  readonly requests: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
}
export const usage = async (group: 'day' | 'model' | 'account', from: string): Promise<readonly UsageSum[]> =>
  (await call<{ groups: readonly UsageSum[] }>('GET', `/api/admin/usage${query({ group, from })}`)).groups;

export interface EngineStats {
  readonly id: string;
  readonly running: number;
  readonly queued: number;
  readonly blocks_used: number;
  readonly blocks_total: number;
  readonly tokens_generated: number;
}
export const engineStats = async (): Promise<readonly EngineStats[]> =>
  (await call<{ models: readonly EngineStats[] }>('GET', '/api/app/stats')).models;

export const serverSettings = (): Promise<{ shares: boolean }> => call('GET', '/api/admin/app');
export const changeServerSettings = (change: { shares: boolean }): Promise<{ shares: boolean }> =>
  call('PATCH', '/api/admin/app', change);
