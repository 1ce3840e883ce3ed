// The chat of this tab: asks, streams, stops, tries again, and keeps what is on the page over a reload.
import { signOut } from '../api/account';
import { fetchModels, streamAnswer } from '../api/client';
import { Connection } from '../api/connection.svelte';
import { RequestFailed } from '../api/failure';
import { FrameBuffer } from '../page/frames';
import { newId } from '../page/id';
import { emptyConversation, isOpen, reduce, replay } from './conversation';
import type { Answer, ChatEvent, Conversation, Timing } from './conversation';
import { promptOf } from './prompt';
import { ConversationStore } from './storage';
import { claimConversation, rememberTab, tabConversation } from './tab';

const SAVE_MS = 300;
const LEAVING_MS = 100;

export class ChatSession {
  conversation = $state.raw<Conversation>(emptyConversation(tabConversation() ?? newId()));
  /** False until the stored conversation was looked for. */
  restored = $state(false);
  models = $state.raw<readonly string[]>([]);
  /** What "New chat" has just taken from the page; null when there is nothing to bring back. */
  cleared = $state.raw<Conversation | null>(null);

  readonly connection = new Connection(() => {
    // Where this fails the connection is lost again and asks on.
    this.loadModels().catch(() => undefined);
  });

  private chosenModel = $state<string | null>(null);
  private readonly store = new ConversationStore();
  private leaving = false;
  private running: AbortController | null = null;
  private saveTimer: ReturnType<typeof setTimeout> | undefined;

  /** The model that answers next: the chosen one while the server has it, else the server's first. */
  get model(): string | null {
    const { chosenModel: chosen, models } = this;
    return chosen !== null && models.includes(chosen) ? chosen : (models[0] ?? null);
  }
  set model(model: string | null) {
    this.chosenModel = model;
  }

  get openAnswer(): Answer | null {
    const last = this.conversation.messages.at(-1);
    return last?.role === 'assistant' && isOpen(last) ? last : null;
  }

  /** Also while the server was not heard of yet: a message sent right away waits for it. */
  get canSend(): boolean {
    const { state } = this.connection;
    return this.openAnswer === null && (state === 'ready' || state === 'unknown');
  }

  /** Starts the page's work; returns what ends it. */
  start(): () => void {
    const save = (): void => void this.saveNow();
    const leave = (): void => {
      this.leaving = true;
      save();
    };
    const comeBack = (): void => {
      this.leaving = false;
    };
    window.addEventListener('pagehide', leave);
    window.addEventListener('pageshow', comeBack);
    document.addEventListener('visibilitychange', save);
    const stopAsking = this.connection.start();
    void this.restore();
    return () => {
      stopAsking();
      window.removeEventListener('pagehide', leave);
      window.removeEventListener('pageshow', comeBack);
      document.removeEventListener('visibilitychange', save);
      this.running?.abort();
    };
  }

  /** Asks; returns false (and changes nothing) when that is not possible now. */
  send(text: string): boolean {
    if (text.trim() === '' || !this.canSend) return false;
    this.cleared = null;
    this.dispatch({ type: 'asked', id: newId(), text });
    void this.answer();
    return true;
  }

  stop(): void {
    this.running?.abort();
  }

  /** Drops the last answer and asks for another. */
  retry(answer: Answer): void {
    if (!this.canSend || this.conversation.messages.at(-1) !== answer) return;
    this.dispatch({ type: 'dropped', id: answer.id });
    void this.answer();
  }

  newChat(): void {
    this.stop();
    if (this.conversation.messages.length === 0) return;
    this.cleared = this.conversation;
    void this.store.remove(this.conversation.id);
    this.begin(emptyConversation(newId()));
  }

  /** Ends the session on the server; nothing of the chat stays in this browser. */
  async signOut(): Promise<void> {
    this.newChat();
    this.cleared = null;
    await signOut();
    await this.connection.restart();
  }

  /** Brings back what "New chat" cleared. */
  undoNewChat(): void {
    if (this.cleared === null) return;
    this.begin(this.replayed(this.cleared));
    this.cleared = null;
    void this.saveNow();
  }

  private begin(conversation: Conversation): void {
    this.conversation = conversation;
    rememberTab(conversation.id);
    void claimConversation(conversation.id);
  }

  private dispatch(event: ChatEvent): void {
    this.conversation = reduce(this.conversation, event);
    this.saveTimer ??= setTimeout(() => void this.saveNow(), SAVE_MS);
  }

  private async saveNow(): Promise<void> {
    clearTimeout(this.saveTimer);
    this.saveTimer = undefined;
    if (this.conversation.messages.length > 0) await this.store.save(this.conversation);
  }

  private replayed(from: Conversation): Conversation {
    return replay(from).reduce(reduce, emptyConversation(from.id));
  }

  private async restore(): Promise<void> {
    const { id } = this.conversation;
    if (!(await claimConversation(id))) {
      this.begin({ ...this.conversation, id: newId() });
      this.restored = true;
      return;
    }
    rememberTab(id);
    const stored = await this.store.load(id);
    if (stored !== null && this.conversation.messages.length === 0 && this.conversation.id === id) {
      this.conversation = this.replayed(stored);
    }
    this.restored = true;
  }

  private async loadModels(): Promise<void> {
    this.models = (await fetchModels()).map(({ id }) => id);
  }

  private async modelToAsk(): Promise<string> {
    if (this.model === null) await this.loadModels();
    if (this.model === null) throw new RequestFailed({ kind: 'no_model', detail: '' });
    return this.model;
  }

  private async fail(id: string, error: unknown): Promise<void> {
    // A reload breaks the connection as well, shortly before or after the page hears of it.
    await new Promise((resolve) => setTimeout(resolve, LEAVING_MS));
    if (this.leaving) {
      this.dispatch({ type: 'ended', id, status: 'interrupted', timing: null });
      return;
    }
    const failure =
      error instanceof RequestFailed ? error.failure : { kind: 'server' as const, detail: '' };
    this.dispatch({ type: 'failed', id, failure });
    void (failure.kind === 'unauthorized' ? this.connection.restart() : this.connection.check());
  }

  private async answer(): Promise<void> {
    const prompt = promptOf(this.conversation);
    const id = newId();
    const abort = new AbortController();
    const buffer = new FrameBuffer((text) => this.dispatch({ type: 'delta', id, text }));
    const began = performance.now();
    let firstToken = 0;
    let tokens: number | null = null;
    let status: 'done' | 'length' = 'done';
    const timing = (): Timing | null =>
      firstToken === 0
        ? null
        : { firstTokenMs: firstToken - began, totalMs: performance.now() - began, tokens };

    this.running = abort;
    this.dispatch({ type: 'answering', id, model: this.model ?? '' });
    try {
      for await (const step of streamAnswer(await this.modelToAsk(), prompt, abort.signal)) {
        if (step.type === 'text') {
          if (firstToken === 0) firstToken = performance.now();
          buffer.add(step.text);
        } else if (step.type === 'finish') {
          status = step.reason === 'length' ? 'length' : 'done';
        } else {
          tokens = step.completionTokens;
        }
      }
      buffer.flush();
      this.dispatch({ type: 'ended', id, status, timing: timing() });
    } catch (error) {
      buffer.flush();
      if (abort.signal.aborted) {
        this.dispatch({ type: 'ended', id, status: 'stopped', timing: timing() });
      } else {
        await this.fail(id, error);
      }
    } finally {
      if (this.running === abort) this.running = null;
    }
  }
}
