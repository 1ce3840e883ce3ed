// The current conversation, kept in this browser's IndexedDB so that a reload finds it again.
//
// One record per message beside one for the conversation, so that a stream rewrites only its own answer. What is
// read back is checked like any input. A browser without IndexedDB (or with it switched off) keeps nothing; the
// chat works all the same.
import type { Answer, Conversation, Message } from './conversation';

const DATABASE = 'dure';
const VERSION = 1;
const HEADS = 'conversations'; // {id, order: message ids, savedAt}
const MESSAGES = 'messages'; // {key: conversation id + message id, message}

// Older messages than these are not kept, so that no chat can fill the disk.
const MAX_MESSAGES = 2000;
const MAX_CHARACTERS = 20_000_000;

interface Head {
  id: string;
  order: string[];
}

export class ConversationStore {
  private database: Promise<IDBDatabase | null> | null = null;
  private saved = new Map<string, Message>();

  /** The conversation of this id, or null. */
  async load(id: string): Promise<Conversation | null> {
    const database = await this.open();
    if (database === null) return null;
    try {
      const transaction = database.transaction([HEADS, MESSAGES], 'readonly');
      const head: unknown = await done(transaction.objectStore(HEADS).get(id));
      const rows: unknown[] = await done(transaction.objectStore(MESSAGES).getAll(rangeOf(id)));
      const conversation = restored(id, head, rows);
      if (conversation !== null) this.saved = new Map(conversation.messages.map((m) => [m.id, m]));
      return conversation;
    } catch {
      return null;
    }
  }

  /** Writes what changed since the last save. Never throws: a full disk only means that a reload forgets. */
  async save(conversation: Conversation): Promise<void> {
    const database = await this.open();
    if (database === null) return;
    const kept = withinLimits(conversation.messages);
    try {
      const transaction = database.transaction([HEADS, MESSAGES], 'readwrite');
      const head: Head = { id: conversation.id, order: kept.map(({ id }) => id) };
      transaction.objectStore(HEADS).put(head);
      const messages = transaction.objectStore(MESSAGES);
      const before = this.saved;
      this.saved = new Map(kept.map((message) => [message.id, message]));
      for (const message of kept) {
        if (before.get(message.id) !== message) messages.put({ key: keyOf(conversation.id, message.id), message });
      }
      for (const id of before.keys()) {
        if (!this.saved.has(id)) messages.delete(keyOf(conversation.id, id));
      }
      transaction.commit();
    } catch {
      // The quota is used up or the database was closed.
    }
  }

  /** Forgets a conversation wholly. */
  async remove(id: string): Promise<void> {
    const database = await this.open();
    if (database === null) return;
    this.saved.clear();
    try {
      const transaction = database.transaction([HEADS, MESSAGES], 'readwrite');
      transaction.objectStore(HEADS).delete(id);
      transaction.objectStore(MESSAGES).delete(rangeOf(id));
    } catch {
      // As above.
    }
  }

  private open(): Promise<IDBDatabase | null> {
    this.database ??= new Promise((resolve) => {
      let request: IDBOpenDBRequest;
      try {
        request = indexedDB.open(DATABASE, VERSION);
      } catch {
        resolve(null);
        return;
      }
      request.onupgradeneeded = () => {
        request.result.createObjectStore(HEADS, { keyPath: 'id' });
        request.result.createObjectStore(MESSAGES, { keyPath: 'key' });
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(null);
      request.onblocked = () => resolve(null);
    });
    return this.database;
  }
}

const keyOf = (conversation: string, message: string): string => `${conversation}/${message}`;
const rangeOf = (conversation: string): IDBKeyRange =>
  IDBKeyRange.bound(`${conversation}/`, `${conversation}0`, false, true); // '0' follows '/'

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** The newest messages that fit, beginning with a question. */
export function withinLimits(messages: readonly Message[]): readonly Message[] {
  let characters = 0;
  let first = messages.length;
  while (first > 0 && messages.length - first < MAX_MESSAGES) {
    characters += messages[first - 1]?.text.length ?? 0;
    if (characters > MAX_CHARACTERS) break;
    first--;
  }
  if (first === 0) return messages;
  while (first < messages.length && messages[first]?.role !== 'user') first++;
  return messages.slice(first);
}

/** Puts a conversation together from stored rows; whatever is not a message is left out. */
export function restored(id: string, head: unknown, rows: readonly unknown[]): Conversation | null {
  const order = (head as Partial<Head> | undefined)?.order;
  if (!Array.isArray(order)) return null;
  const byId = new Map<string, Message>();
  for (const row of rows) {
    const message = (row as { message?: unknown }).message;
    if (isMessage(message)) byId.set(message.id, message);
  }
  const messages = order.map((key) => byId.get(String(key))).filter((message) => message !== undefined);
  return { id, messages };
}

const STATUSES: readonly string[] = [
  'waiting', 'streaming', 'done', 'length', 'stopped', 'interrupted', 'failed',
] satisfies Answer['status'][];

function isMessage(value: unknown): value is Message {
  if (typeof value !== 'object' || value === null) return false;
  const { role, id, text, status, model, failure, timing } = value as Record<string, unknown>;
  if (typeof id !== 'string' || typeof text !== 'string') return false;
  if (role === 'user') return true;
  return (
    role === 'assistant' &&
    typeof model === 'string' &&
    typeof status === 'string' &&
    STATUSES.includes(status) &&
    typeof failure === 'object' &&
    typeof timing === 'object'
  );
}
