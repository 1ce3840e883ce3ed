// The browser's own database of conversations: IndexedDB, one row for each conversation and each message. A browser
// without it (or with it switched off) keeps rows as long as the page lives.
import type { Conversation, Message } from '../api/types';

const PREFIX = 'dure.chats.';
const OLD_NAME = 'dure';
const VERSION = 1;

export interface Rows {
  readonly conversations: readonly Conversation[];
  readonly messages: readonly Message[];
}

export class Database {
  private readonly opened: Promise<IDBDatabase | null>;

  constructor(account: string) {
    this.opened = open(PREFIX + account);
  }

  async readAll(): Promise<Rows> {
    const database = await this.opened;
    if (database === null) return { conversations: [], messages: [] };
    const transaction = database.transaction(['conversations', 'messages']);
    const [conversations, messages] = await Promise.all([
      done<Conversation[]>(transaction.objectStore('conversations').getAll()),
      done<Message[]>(transaction.objectStore('messages').getAll()),
    ]);
    return { conversations, messages };
  }

  /** Writes rows; a full disk only means that a reload forgets. */
  async write(conversations: readonly Conversation[], messages: readonly Message[]): Promise<void> {
    await this.change((transaction) => {
      for (const row of conversations) transaction.objectStore('conversations').put(row);
      for (const row of messages) transaction.objectStore('messages').put(row);
    });
  }

  async remove(conversations: readonly string[], messages: readonly string[]): Promise<void> {
    await this.change((transaction) => {
      for (const id of conversations) transaction.objectStore('conversations').delete(id);
      for (const id of messages) transaction.objectStore('messages').delete(id);
    });
  }

  async clear(): Promise<void> {
    await this.change((transaction) => {
      transaction.objectStore('conversations').clear();
      transaction.objectStore('messages').clear();
    });
  }

  private async change(work: (transaction: IDBTransaction) => void): Promise<void> {
    const database = await this.opened;
    if (database === null) return;
    try {
      const transaction = database.transaction(['conversations', 'messages'], 'readwrite', { durability: 'strict' });
      work(transaction);
      transaction.commit(); // at once: the page may be on its way out
      await new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error ?? new Error());
      });
    } catch {
      // The quota is used up or the database was closed.
    }
  }
}

function open(name: string): Promise<IDBDatabase | null> {
  return new Promise((resolve) => {
    let request: IDBOpenDBRequest;
    try {
      indexedDB.deleteDatabase(OLD_NAME); // of the time when there was one chat only
      request = indexedDB.open(name, VERSION);
    } catch {
      resolve(null);
      return;
    }
    request.onupgradeneeded = () => {
      request.result.createObjectStore('conversations', { keyPath: 'id' });
      request.result.createObjectStore('messages', { keyPath: 'id' });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => resolve(null);
    request.onblocked = () => resolve(null);
  });
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
