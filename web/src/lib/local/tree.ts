// Conversations and their trees of messages, in memory. Knows nothing of databases and networks.
import { RequestFailed } from '../api/failure';
import type { Conversation, ConversationChange, Message } from '../api/types';

const MISSING = new RequestFailed({ kind: 'missing', detail: '', code: 'not_found' });

export class Tree {
  private readonly conversations = new Map<string, Conversation>();
  private readonly messages = new Map<string, Message>();
  /** The messages of each conversation, oldest first. */
  private readonly order = new Map<string, Set<string>>();

  all(): Conversation[] {
    return [...this.conversations.values()].sort((a, b) => b.updated_ms - a.updated_ms);
  }

  has(id: string): boolean {
    return this.conversations.has(id);
  }

  /** Throws what the server would answer. */
  conversation(id: string): Conversation {
    const found = this.conversations.get(id);
    if (found === undefined) throw MISSING;
    return found;
  }

  find(id: string): Message | null {
    const found = this.messages.get(id);
    return found === undefined ? null : { ...found, siblings: this.siblings(found) };
  }

  message(id: string): Message {
    const found = this.find(id);
    if (found === null) throw MISSING;
    return found;
  }

  messagesOf(id: string): Message[] {
    return [...(this.order.get(id) ?? [])].map((key) => this.message(key));
  }

  put(conversation: Conversation): Conversation {
    this.conversations.set(conversation.id, conversation);
    return conversation;
  }

  change(id: string, change: ConversationChange): Conversation {
    const { active_leaf, ...rest } = change;
    const leaf = active_leaf == null ? {} : { active_leaf: this.newestBelow(active_leaf) };
    return this.put({ ...this.conversation(id), ...rest, ...leaf });
  }

  /** Adds a message, or replaces the one of this id. */
  add(message: Message): void {
    this.messages.set(message.id, message);
    const order = this.order.get(message.conversation_id) ?? new Set();
    order.add(message.id);
    this.order.set(message.conversation_id, order);
  }

  /** From the first message to this one. */
  path(leaf: string | null): Message[] {
    const path: Message[] = [];
    for (let at = leaf === null ? null : this.find(leaf); at !== null; ) {
      path.push(at);
      at = at.parent_id === null ? null : this.find(at.parent_id);
    }
    return path.reverse();
  }

  newestBelow(id: string): string {
    for (let at = id; ; ) {
      const child = this.children(this.message(at).conversation_id, at).at(-1);
      if (child === undefined) return at;
      at = child;
    }
  }

  /** Removes a message and everything below it; the ids of what went. */
  removeMessage(id: string): string[] {
    const { conversation_id, parent_id } = this.message(id);
    const gone = [id];
    for (let at = 0; at < gone.length; at++) gone.push(...this.children(conversation_id, gone[at] ?? ''));
    for (const each of gone) {
      this.messages.delete(each);
      this.order.get(conversation_id)?.delete(each);
    }
    const sibling = this.children(conversation_id, parent_id).at(-1);
    const leaf = sibling === undefined ? parent_id : this.newestBelow(sibling);
    const before = this.conversation(conversation_id);
    if (before.active_leaf === null || gone.includes(before.active_leaf)) this.put({ ...before, active_leaf: leaf });
    return gone;
  }

  /** Removes a conversation; the ids of its messages. */
  removeConversation(id: string): string[] {
    const gone = [...(this.order.get(id) ?? [])];
    for (const each of gone) this.messages.delete(each);
    this.order.delete(id);
    this.conversations.delete(id);
    return gone;
  }

  clear(): void {
    this.conversations.clear();
    this.messages.clear();
    this.order.clear();
  }

  private children(conversation: string, parent: string | null): string[] {
    return [...(this.order.get(conversation) ?? [])].filter((id) => this.messages.get(id)?.parent_id === parent);
  }

  private siblings({ conversation_id, parent_id }: Message): string[] {
    return this.children(conversation_id, parent_id);
  }
}
