// Conversations and messages that the server keeps: docs/web-api.md.
import type { BatchAction, ChatsApi, ListFilter, NewMessage, PathFilter, Temporary } from './chats';
import { call, query, request } from './http';
import { follow } from './stream';
import type {
  AccountEvent, AnswerEvent, Conversation, ConversationChange, Hit, Message, Page, Path,
} from './types';

const BASE = '/api/app';
const conversation = (id: string): string => `${BASE}/conversations/${encodeURIComponent(id)}`;
const message = (id: string): string =>
  id.startsWith('temp_') ? `${BASE}/temporary/${encodeURIComponent(id)}` : `${BASE}/messages/${encodeURIComponent(id)}`;

const listConversations = (filter: ListFilter): Promise<Page<Conversation>> =>
  call('GET', `${BASE}/conversations${query({ ...filter })}`);

const createConversation = (
  change: ConversationChange & { readonly id?: string },
): Promise<Conversation> => call('POST', `${BASE}/conversations`, change);

const getConversation = (id: string): Promise<Conversation> => call('GET', conversation(id));

const changeConversation = (id: string, change: ConversationChange): Promise<Conversation> =>
  call('PATCH', conversation(id), change);

const batch = (ids: readonly string[], action: BatchAction, project?: string | null): Promise<unknown> =>
  call('POST', `${BASE}/conversations/batch`, {
    ids,
    action,
    ...(action === 'move' ? { project_id: project ?? null } : {}),
  });

/** Deletes for good; also while the page is being closed. */
async function deleteConversations(ids: readonly string[]): Promise<void> {
  await request(`${BASE}/conversations/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ids, action: 'delete' }),
    keepalive: true,
  });
}

const deleteEverything = (): Promise<unknown> => call('DELETE', `${BASE}/conversations`);

const getPath = (id: string, filter: PathFilter, signal?: AbortSignal): Promise<Path> =>
  call('GET', `${conversation(id)}/messages${query({ ...filter })}`, undefined, signal);

const sendMessage = (
  id: string,
  body: NewMessage,
): Promise<{ message: Message; answer: Message | null }> => call('POST', `${conversation(id)}/messages`, body);

const answerAgain = (id: string, model?: string): Promise<{ answer: Message }> =>
  call('POST', `${message(id)}/answers`, model === undefined ? {} : { model });

const continueAnswer = (id: string): Promise<{ answer: Message }> =>
  call('POST', `${message(id)}/continue`, {});

const stopAnswer = (id: string): Promise<Message> => call('POST', `${message(id)}/stop`, {});

const getMessage = (id: string): Promise<Message> => call('GET', message(id));

const deleteMessage = (id: string): Promise<Conversation> => call('DELETE', message(id));

const askTemporarily = (body: Temporary): Promise<Message> => call('POST', `${BASE}/temporary`, body);

const searchChats = (text: string, signal: AbortSignal): Promise<Page<Hit>> =>
  call('GET', `${BASE}/search${query({ q: text, limit: 30, archived: 'all' })}`, undefined, signal);

/** The events of an answer behind `after`, to its end. */
async function* answerEvents(
  id: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent> {
  const events = follow({
    url: (last) => `${message(id)}/events${query({ after: last })}`,
    after: after > 0 ? String(after) : '',
    signal,
    ends: ({ type }) => type === 'end',
  });
  for await (const { type, data } of events) {
    const body = parsed(data);
    if (body !== null) yield { ...body, type } as AnswerEvent;
  }
}

/** What changes in the account, until aborted. */
async function* accountEvents(
  signal: AbortSignal,
  connected: (standing: boolean) => void,
): AsyncGenerator<AccountEvent> {
  const events = follow({ url: () => `${BASE}/events`, after: '', signal, ends: () => false, connected });
  for await (const { type, data } of events) {
    const body = parsed(data);
    if (body === null) continue;
    if (type === 'conversation') yield { type, conversation: body as unknown as Conversation };
    else if (type === 'message') yield { type, message: body as unknown as Message };
    else yield { ...body, type } as AccountEvent;
  }
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

export const serverChats: ChatsApi = {
  listConversations,
  createConversation,
  getConversation,
  changeConversation,
  batch,
  deleteConversations,
  deleteEverything,
  getPath,
  sendMessage,
  answerAgain,
  continueAnswer,
  stopAnswer,
  getMessage,
  deleteMessage,
  askTemporarily,
  searchChats,
  answerEvents,
  accountEvents,
};
