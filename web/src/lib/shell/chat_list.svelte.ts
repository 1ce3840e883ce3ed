// The conversations that the sidebar knows, kept in step by the account's events.
import { SvelteMap, SvelteSet } from 'svelte/reactivity';

import { chats } from '../api/backend';
import type { BatchAction } from '../api/chats';
import type { Conversation, ConversationChange } from '../api/types';

const PAGE = 60;

export class ChatList {
  /** True once the first page was asked for, whatever came. */
  loaded = $state(false);
  more = $state(false);

  private readonly all = new SvelteMap<string, Conversation>();
  /** Deleted on the page; the server is told when it can no longer be taken back. */
  private readonly deleted = new SvelteSet<string>();
  private next: string | null = null;
  private loading: Promise<void> | null = null;
  private readonly visible = $derived(
    [...this.all.values()].filter(({ id, archived }) => !archived && !this.deleted.has(id)),
  );

  /** Those in no project. */
  readonly loose = $derived(this.visible.filter(({ project_id }) => project_id === null));

  inProject(project: string): readonly Conversation[] {
    return this.visible
      .filter(({ project_id }) => project_id === project)
      .sort((a, b) => b.updated_ms - a.updated_ms);
  }

  get(id: string): Conversation | null {
    return this.all.get(id) ?? null;
  }

  has(id: string): boolean {
    return this.all.has(id) && !this.deleted.has(id);
  }

  /** Begins anew: nothing of before is believed. Throws RequestFailed. */
  async reload(): Promise<void> {
    const [pinned, page] = await Promise.all([
      chats.listConversations({ pinned: true, limit: 200 }),
      chats.listConversations({ limit: PAGE }),
    ]);
    this.all.clear();
    for (const chat of [...pinned.data, ...page.data]) this.all.set(chat.id, chat);
    this.next = page.next;
    this.more = page.next !== null;
    this.loaded = true;
  }

  loadMore(): Promise<void> {
    if (this.next === null) return Promise.resolve();
    this.loading ??= chats.listConversations({ limit: PAGE, after: this.next })
      .then(({ data, next }) => {
        for (const chat of data) this.all.set(chat.id, chat);
        this.next = next;
        this.more = next !== null;
      })
      .finally(() => (this.loading = null));
    return this.loading;
  }

  async loadProject(project: string): Promise<void> {
    const { data } = await chats.listConversations({ project, limit: 200 });
    for (const chat of data) this.all.set(chat.id, chat);
  }

  clear(): void {
    this.all.clear();
    this.deleted.clear();
    this.next = null;
    this.more = false;
    this.loaded = false;
  }

  take(chat: Conversation): void {
    this.all.set(chat.id, chat);
  }

  drop(id: string): void {
    this.all.delete(id);
    this.deleted.delete(id);
  }

  async change(id: string, change: ConversationChange): Promise<void> {
    const before = this.all.get(id);
    if (before !== undefined) this.all.set(id, { ...before, ...change });
    try {
      this.take(await chats.changeConversation(id, change));
    } catch (error) {
      if (before !== undefined) this.all.set(id, before);
      throw error;
    }
  }

  async changeMany(ids: readonly string[], action: Exclude<BatchAction, 'delete'>, project?: string | null): Promise<void> {
    await chats.batch(ids, action, project);
    await this.reload();
  }

  /** Takes them from the page; `forget` or `restore` decides. */
  hide(ids: readonly string[]): void {
    for (const id of ids) this.deleted.add(id);
  }

  restore(ids: readonly string[]): void {
    for (const id of ids) this.deleted.delete(id);
  }

  async forget(ids: readonly string[]): Promise<void> {
    await chats.deleteConversations(ids);
    for (const id of ids) this.drop(id);
  }
}
