// The app of this page: who is signed in, what is open, and what happens when something is done.
import { getContext, setContext } from 'svelte';

import { signOut } from '../api/account';
import { chats, forgetBackend, useBrowser, useServer } from '../api/backend';
import { Connection } from '../api/connection.svelte';
import { failureOf, RequestFailed } from '../api/failure';
import { fetchModels, type ModelInfo } from '../api/server';
import type { AccountEvent, Conversation, ConversationChange } from '../api/types';
import { Chat } from '../chat/chat.svelte';
import { TemporaryChat } from '../chat/temporary.svelte';
import { t } from '../i18n/catalogue.svelte';
import { failureText } from '../i18n/failure';
import { forgetDrafts } from '../page/draft';
import { newId } from '../page/id';
import { ChatList } from './chat_list.svelte';
import { Library } from './library.svelte';
import { Router } from './router.svelte';
import { Toasts } from './toasts.svelte';

export type Panel = 'settings' | 'palette' | 'shortcuts' | 'chat' | 'share';

export class App {
  readonly router = new Router();
  readonly toasts = new Toasts();
  readonly list = new ChatList();
  readonly library = new Library();
  readonly connection = new Connection(
    () => void this.loadModels(),
    (account) => this.onAccount(account),
  );
  models = $state.raw<readonly ModelInfo[]>([]);
  chat = $state.raw<Chat>(this.freshChat());
  /** Whether the server keeps the conversations, and with them projects, files, shares and the like. */
  serverSide = $state(false);
  /** The dialog that is open. */
  panel = $state<Panel | null>(null);
  /** The page of the settings dialog that is shown first. */
  settingsPage = $state('general');

  private account: string | null = null;
  private events: AbortController | null = null;

  /** Starts the page's work; returns what ends it. */
  start(): () => void {
    const leave = (): void => this.toasts.closeAll();
    window.addEventListener('pagehide', leave);
    const stopRouting = this.router.start();
    const stopAsking = this.connection.start();
    return () => {
      window.removeEventListener('pagehide', leave);
      stopRouting();
      stopAsking();
      this.events?.abort();
      this.chat.close();
    };
  }

  /** The model that answers next in this chat: its own, else the account's, else the server's first. */
  get model(): ModelInfo | null {
    const wanted = [this.chat.settings.model, this.library.settings.model];
    return (
      wanted.map((id) => this.models.find((model) => model.id === id)).find((model) => model !== undefined) ??
      this.models[0] ??
      null
    );
  }

  /** Also while the server was not heard of yet: a message sent right away waits for it. */
  get canSend(): boolean {
    const { state } = this.connection;
    return !this.chat.busy && (state === 'ready' || state === 'unknown');
  }

  /** Shows the chat of the address; called whenever that changes. */
  open(id: string | null): void {
    if (id === null) {
      if (this.chat.state !== 'new') this.replaceChat(this.freshChat());
    } else if (this.chat.id !== id) {
      this.replaceChat(new Chat(id, (info) => this.onInfo(info)));
      void this.chat.load(this.list.get(id));
    }
  }

  newChat(initial: ConversationChange = {}): void {
    this.router.go({ page: 'chat', id: null, message: null });
    this.replaceChat(this.freshChat());
    this.chat.initial = initial;
  }

  /** A chat of which nothing is kept, or back to an ordinary one. */
  toggleTemporary(): void {
    const next = this.chat.temporary ? this.freshChat() : new TemporaryChat(newId('conv_'), () => undefined);
    next.initial = this.chat.initial;
    this.router.go({ page: 'chat', id: null, message: null });
    this.replaceChat(next);
  }

  /** Runs what may fail and tells of it. True when it went well. */
  async attempt(work: Promise<unknown>): Promise<boolean> {
    try {
      await work;
      return true;
    } catch (error) {
      const { kind, detail } = failureOf(error);
      this.toasts.show([failureText(kind), detail].filter(Boolean).join(' '), { alarming: true });
      return false;
    }
  }

  /** Deletes chats, with a way back for some seconds. */
  deleteChats(ids: readonly string[]): void {
    if (ids.length === 0) return;
    this.list.hide(ids);
    if (ids.includes(this.chat.id)) this.newChat();
    this.toasts.show(t().chatsDeleted(ids.length), {
      action: { label: t().undo, run: () => this.list.restore(ids) },
      closed: () => void this.forget(ids),
    });
  }

  archiveChats(ids: readonly string[]): void {
    if (ids.length === 0) return;
    const archive = (archived: boolean): Promise<unknown> =>
      ids.length === 1 && ids[0] !== undefined
        ? this.list.change(ids[0], { archived })
        : this.list.changeMany(ids, archived ? 'archive' : 'unarchive');
    if (ids.includes(this.chat.id)) this.newChat();
    void this.attempt(archive(true)).then((done) => {
      if (!done) return;
      this.toasts.show(t().chatsArchived(ids.length), {
        action: { label: t().undo, run: () => void this.attempt(archive(false)) },
      });
    });
  }

  async signOut(): Promise<void> {
    this.panel = null;
    this.toasts.closeAll();
    if (!this.serverSide) await chats.deleteEverything(); // nothing stays for the next person
    await signOut();
    forgetDrafts();
    await this.connection.restart();
  }

  openSettings(page = 'general'): void {
    this.settingsPage = page;
    this.panel = 'settings';
  }

  private freshChat(): Chat {
    return new Chat(newId('conv_'), (info) => this.onInfo(info));
  }

  private replaceChat(chat: Chat): void {
    this.chat.close();
    this.chat = chat;
  }

  private onInfo(info: Conversation): void {
    this.list.take(info);
    const { route } = this.router;
    if (route.page === 'chat' && route.id === null && this.chat.id === info.id) {
      this.router.rename({ page: 'chat', id: info.id, message: null });
    }
  }

  private async forget(ids: readonly string[]): Promise<void> {
    try {
      await this.list.forget(ids);
    } catch {
      this.list.restore(ids);
      this.toasts.show(t().deleteFailed, { alarming: true });
    }
  }

  private async loadModels(): Promise<void> {
    // Where this fails the connection is lost again and asks on.
    this.models = await fetchModels().catch(() => this.models);
  }

  private onAccount(account: string | null): void {
    if (account === this.account) return;
    const stayed = this.account === null && account !== null;
    this.account = account;
    this.events?.abort();
    this.events = null;
    if (account === null || !stayed) {
      this.list.clear();
      this.library.clear();
      this.models = [];
    }
    if (account === null) {
      this.panel = null;
      this.router.rename({ page: 'chat', id: null, message: null });
      this.replaceChat(this.freshChat());
      return;
    }
    this.events = new AbortController();
    void this.enter(account, this.events.signal);
  }

  private async enter(account: string, signal: AbortSignal): Promise<void> {
    forgetBackend();
    this.serverSide = this.connection.info?.conversations === true;
    if (this.serverSide) useServer();
    else await useBrowser(account, () => this.modelToAsk());
    await this.loadAll();
    if (!signal.aborted) void this.listen(signal);
  }

  /** The name of the model; throws RequestFailed where there is none. */
  private async modelToAsk(): Promise<string> {
    if (this.model === null) this.models = await fetchModels();
    if (this.model === null) throw new RequestFailed({ kind: 'no_model', detail: '', code: '' });
    return this.model.id;
  }

  private async loadAll(): Promise<void> {
    const library = this.serverSide ? this.library.reload() : undefined;
    await Promise.all([this.list.reload(), library]).catch(() => undefined);
    this.list.loaded = true;
    if (this.chat.state === 'failed') void this.chat.load(null);
  }

  private async listen(signal: AbortSignal): Promise<void> {
    let first = true;
    try {
      for await (const event of chats.accountEvents(signal, () => undefined)) {
        if (event.type === 'hello' && (first || event.resumed)) first = false;
        else this.onEvent(event);
      }
    } catch {
      if (!signal.aborted) await this.connection.restart();
    }
  }

  private onEvent(event: AccountEvent): void {
    switch (event.type) {
      case 'hello': // what happened meanwhile is not known
        void this.loadAll();
        void this.chat.refresh();
        break;
      case 'conversation':
        this.list.take(event.conversation);
        if (event.conversation.id === this.chat.id) this.chat.onConversation(event.conversation);
        break;
      case 'conversation_deleted':
        this.list.drop(event.id);
        if (event.id === this.chat.id) this.newChat();
        break;
      case 'message':
        if (event.message.conversation_id === this.chat.id) this.chat.onMessage(event.message);
        break;
      case 'message_deleted':
        if (event.conversation_id === this.chat.id) this.chat.onMessageDeleted(event.id);
        break;
      case 'changed':
        if (event.what === 'everything') void this.loadAll();
        else void this.library.refresh(event.what).catch(() => undefined);
    }
  }
}

const KEY = Symbol('app');

export const provideApp = (app: App): App => setContext(KEY, app);

/** The app that the component stands in. */
export const useApp = (): App => getContext<App>(KEY);
