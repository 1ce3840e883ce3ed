// The chat of this tab: asks, streams, stops, tries again, and keeps what is on the page over a reload.
import { fetchModels, streamAnswer } from '../api/client';
import { Connection } from '../api/connection.svelte';
import { RequestFailed } from '../api/failure';
import { FrameBuffer } from '../page/frames';
import { newId } from '../page/id';
import { emptyConversation, isOpen, reduce, replay } from './conversation';
import type { Answer, ChatEvent, Conversation, Timing } from './conversation';
import { promptOf } from './prompt';
import { ConversationStore } from './storage';
import { rememberTab, tabConversation } from './tab';

const SAVE_MS = 300;

export class ChatSession {
  conversation = $state.raw<Conversation>(emptyConversation(tabConversation() ?? newId()));
  /** False until the stored conversation was looked for. */
  restored = $state(false);
  models = $state.raw<readonly string[]>([]);
  /** What "New chat" has just taken from the page; null when there is nothing to bring back. */
  cleared = $state.raw<Conversation | null>(null);

  readonly connection = new Connection(() => void this.loadModels());

  private chosenModel = $state<string | null>(null);
  private readonly store = new ConversationStore();
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

  get canSend(): boolean {
    return this.openAnswer === null && this.connection.state === 'ready' && this.model !== null;
  }

  /** Starts the page's work; returns what ends it. */
  start(): () => void {
    const save = (): void => void this.saveNow();
    window.addEventListener('pagehide', save);
    document.addEventListener('visibilitychange', save);
    const stopAsking = this.connection.start();
    void this.restore();
    return () => {
      stopAsking();
      window.removeEventListener('pagehide', save);
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
    rememberTab(id);
    const stored = await this.store.load(id);
    if (stored !== null && this.conversation.messages.length === 0 && this.conversation.id === id) {
      this.conversation = this.replayed(stored);
    }
    this.restored = true;
  }

  private async loadModels(): Promise<void> {
    try {
      this.models = (await fetchModels()).map(({ id }) => id);
    } catch {
      // The connection says what is wrong and asks again.
    }
  }

  private async answer(): Promise<void> {
    const model = this.model ?? '';
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
    this.dispatch({ type: 'answering', id, model });
    try {
      for await (const step of streamAnswer(model, prompt, abort.signal)) {
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
        const failure =
          error instanceof RequestFailed ? error.failure : { kind: 'server' as const, detail: '' };
        this.dispatch({ type: 'failed', id, failure });
        void this.connection.check();
      }
    } finally {
      if (this.running === abort) this.running = null;
    }
  }
}
