// Projects, assistants, prompts, shares and the account's settings on the server.
import { call, query, request } from './http';
import type {
  AccountSettings, Assistant, Attachment, ImportJob, Project, Prompt, Share, SharedChat,
} from './types';

const BASE = '/api/app';

/** One kind of thing that is listed, made, changed and deleted. */
function collection<T extends { readonly id: string }>(name: string) {
  const one = (id: string): string => `${BASE}/${name}/${encodeURIComponent(id)}`;
  return {
    list: async (): Promise<readonly T[]> => (await call<{ data: readonly T[] }>('GET', `${BASE}/${name}`)).data,
    create: (values: Partial<Omit<T, 'id'>>): Promise<T> => call('POST', `${BASE}/${name}`, values),
    change: (id: string, values: Partial<Omit<T, 'id'>>): Promise<T> => call('PATCH', one(id), values),
    remove: (id: string, options: Readonly<Record<string, string>> = {}): Promise<void> =>
      call('DELETE', one(id) + query(options)),
  };
}

export const projectsApi = collection<Project>('projects');
export const assistantsApi = collection<Assistant>('assistants');
export const promptsApi = collection<Prompt>('prompts');

export const listShares = async (): Promise<readonly Share[]> =>
  (await call<{ data: readonly Share[] }>('GET', `${BASE}/shares`)).data;

export const createShare = (conversation: string): Promise<Share> =>
  call('POST', `${BASE}/conversations/${encodeURIComponent(conversation)}/shares`, {});

export const revokeShare = (id: string): Promise<void> =>
  call('DELETE', `${BASE}/shares/${encodeURIComponent(id)}`);

export const getShared = (token: string): Promise<SharedChat> =>
  call('GET', `/api/share/${encodeURIComponent(token)}`);

export const getSettings = (): Promise<AccountSettings> => call('GET', `${BASE}/settings`);
export const changeSettings = (change: Partial<AccountSettings>): Promise<AccountSettings> =>
  call('PATCH', `${BASE}/settings`, change);

export async function uploadAttachment(file: File, model: string, signal: AbortSignal): Promise<Attachment> {
  const response = await request(`${BASE}/attachments${query({ name: file.name, model })}`, {
    method: 'POST',
    headers: { 'content-type': file.type === '' ? 'application/octet-stream' : file.type },
    body: file,
    signal,
  });
  return (await response.json()) as Attachment;
}

export const removeAttachment = (id: string): Promise<void> =>
  call('DELETE', `${BASE}/attachments/${encodeURIComponent(id)}`);

export const attachmentUrl = (id: string): string => `${BASE}/attachments/${encodeURIComponent(id)}`;

export async function startImport(file: File): Promise<ImportJob> {
  const response = await request(`${BASE}/imports`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: file,
  });
  return (await response.json()) as ImportJob;
}

export const importState = (id: string): Promise<ImportJob> =>
  call('GET', `${BASE}/imports/${encodeURIComponent(id)}`);

export const exportUrl = `${BASE}/export`;
export const conversationExportUrl = (id: string, format: 'markdown' | 'jsonl'): string =>
  `${BASE}/conversations/${encodeURIComponent(id)}/export?format=${format}`;
