// Where conversations are kept and answers come from. The page asks through `chats` and does not know which of the
// two it is: the server, or this browser where the server keeps no conversations.
import type {
  AccountEvent, AnswerEvent, Conversation, ConversationChange, Hit, Message, Page, Path, Sampling,
} from './types';

export interface ListFilter {
  readonly after?: string | null;
  readonly limit?: number;
  readonly archived?: boolean;
  readonly pinned?: boolean;
  /** An id, or "none". */
  readonly project?: string;
}

export type BatchAction = 'delete' | 'archive' | 'unarchive' | 'pin' | 'unpin' | 'move';

export interface PathFilter {
  readonly leaf?: string | null;
  readonly limit?: number;
  readonly before?: string;
}

export interface NewMessage {
  readonly id: string;
  readonly content: string;
  readonly parent_id: string | null;
  readonly attachments?: readonly string[];
  readonly model?: string;
  readonly sampling?: Sampling;
}

export interface Temporary {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly model?: string;
  readonly instructions?: string;
  readonly sampling?: Sampling;
}

/** All but the generators throw RequestFailed. */
export interface ChatsApi {
  listConversations(filter: ListFilter): Promise<Page<Conversation>>;
  /** The same id again gives what is there. */
  createConversation(change: ConversationChange & { readonly id?: string }): Promise<Conversation>;
  getConversation(id: string): Promise<Conversation>;
  changeConversation(id: string, change: ConversationChange): Promise<Conversation>;
  batch(ids: readonly string[], action: BatchAction, project?: string | null): Promise<unknown>;
  /** Deletes for good; also while the page is being closed. */
  deleteConversations(ids: readonly string[]): Promise<void>;
  deleteEverything(): Promise<unknown>;
  getPath(id: string, filter: PathFilter, signal?: AbortSignal): Promise<Path>;
  /** The same id again gives what is there. */
  sendMessage(id: string, body: NewMessage): Promise<{ message: Message; answer: Message | null }>;
  answerAgain(id: string, model?: string): Promise<{ answer: Message }>;
  continueAnswer(id: string): Promise<{ answer: Message }>;
  stopAnswer(id: string): Promise<Message>;
  getMessage(id: string): Promise<Message>;
  deleteMessage(id: string): Promise<Conversation>;
  askTemporarily(body: Temporary): Promise<Message>;
  searchChats(text: string, signal: AbortSignal): Promise<Page<Hit>>;
  /** The events of an answer behind `after`, to its end. */
  answerEvents(id: string, after: number, signal: AbortSignal): AsyncGenerator<AnswerEvent>;
  /** What changes in the account, until aborted. */
  accountEvents(signal: AbortSignal, connected: (standing: boolean) => void): AsyncGenerator<AccountEvent>;
}
