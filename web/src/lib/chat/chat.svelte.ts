// One open conversation: what is on the page of it, and what can be done with it.
import { chats } from '../api/backend';
import { failureOf, RequestFailed, type Failure } from '../api/failure';
import type { AnswerEvent, Attachment, Conversation, ConversationChange, Message, Path } from '../api/types';
import { FrameBuffer } from '../page/frames';
import { newId } from '../page/id';
import { draftMessage, isRunning, reduceAnswer } from './answer';
import { MessageView } from './view.svelte';

// The end of a chat is on the page at once; what stands above it comes afterwards, piece by piece.
const FIRST_MESSAGES = 40;
const MORE_MESSAGES = 1000; // asked for at once
const SLICE = 80; // put on the page at once: short enough for a frame
const REFRESH_MS = 60;

export interface Question {
  readonly content: string;
  readonly attachments: readonly Attachment[];
  /** Null: a first message. */
  readonly parent: string | null;
}

export class Chat {
  info = $state.raw<Conversation | null>(null);
  views = $state.raw<readonly MessageView[]>([]);
  /** new: the server has no such conversation yet; missing: nor will it. */
  state = $state<'new' | 'loading' | 'ready' | 'missing' | 'failed'>('new');
  failure = $state.raw<Failure | null>(null);
  /** Whether there is more above what is on the page. */
  earlier = $state(false);
  /** What a new conversation begins with. */
  initial = $state.raw<ConversationChange>({});

  private readonly ended = new AbortController();
  private readonly following = new Set<string>();
  private refreshTimer: ReturnType<typeof setTimeout> | undefined;

  /** @param changed told of whatever the server says about the conversation. */
  constructor(
    readonly id: string,
    protected readonly changed: (conversation: Conversation) => void,
  ) {}

  get temporary(): boolean {
    return false;
  }

  get last(): MessageView | null {
    return this.views.at(-1) ?? null;
  }

  get running(): MessageView | null {
    return this.views.findLast(({ record }) => isRunning(record)) ?? null;
  }

  /** True from sending until the answer has ended. */
  get busy(): boolean {
    return this.running !== null || this.last?.sending === true;
  }

  /** The settings that hold for the next answer. */
  get settings(): ConversationChange {
    return this.info ?? this.initial;
  }

  find(id: string): MessageView | null {
    return this.views.find((view) => view.id === id) ?? null;
  }

  async load(known: Conversation | null): Promise<void> {
    this.state = 'loading';
    this.info = known;
    try {
      const [info, path] = await Promise.all([
        chats.getConversation(this.id),
        chats.getPath(this.id, { limit: FIRST_MESSAGES }, this.ended.signal),
      ]);
      this.setInfo(info);
      this.show(path);
      this.state = 'ready';
      void this.loadEarlier();
    } catch (error) {
      if (this.ended.signal.aborted) return;
      this.failure = failureOf(error);
      this.state = this.failure.kind === 'missing' ? 'missing' : 'failed';
    }
  }

  /** Ends what this page does; an answer goes on at the server. */
  close(): void {
    clearTimeout(this.refreshTimer);
    this.ended.abort();
  }

  /** Sends a question below `parent`. The page shows it at once; what fails stays there to be tried again. */
  async send({ content, attachments, parent }: Question): Promise<void> {
    const record = draftMessage('user', {
      id: newId('msg_'),
      conversation_id: this.id,
      parent_id: parent,
      content,
      attachments,
    });
    const view = new MessageView(record);
    this.views = [...this.upTo(parent), view];
    await this.deliver(view);
  }

  /** Sends again what the server did not get; it takes the same message only once. */
  async deliver(view: MessageView): Promise<void> {
    view.sending = true;
    view.failure = null;
    try {
      await this.deliverOnce(view);
    } catch (error) {
      view.failure = failureOf(error);
    } finally {
      view.sending = false;
    }
  }

  protected async deliverOnce(view: MessageView): Promise<void> {
    const { id, content, parent_id, attachments } = view.record;
    if (this.info === null) {
      this.setInfo(await chats.createConversation({ ...this.initial, id: this.id }));
      this.state = 'ready';
    }
    const files = attachments.map((file) => file.id);
    const sent = await chats.sendMessage(this.id, {
      id,
      content,
      parent_id,
      ...(files.length > 0 ? { attachments: files } : {}),
    });
    view.record = sent.message;
    if (sent.answer !== null) this.append(sent.answer);
  }

  async stop(): Promise<void> {
    const view = this.running;
    if (view !== null) await chats.stopAnswer(view.id);
  }

  /** An answer to a question that has none. */
  async answer(question: MessageView): Promise<void> {
    const { answer } = await chats.answerAgain(question.id);
    this.append(answer);
  }

  /** Another answer in place of this one, which stays as a branch. */
  async regenerate(view: MessageView, model?: string): Promise<void> {
    const parent = view.record.parent_id;
    if (parent === null) return;
    const { answer } = await chats.answerAgain(parent, model);
    this.views = this.upTo(parent);
    this.append(answer);
  }

  async continue(view: MessageView): Promise<void> {
    const { answer } = await chats.continueAnswer(view.id);
    this.views = this.upTo(answer.parent_id);
    this.append(answer);
  }

  /** Shows another branch: the newest path through this message. */
  async showBranch(message: string): Promise<void> {
    await this.change({ active_leaf: message });
    await this.refresh();
  }

  /** Deletes a message with all below it. */
  async remove(view: MessageView): Promise<void> {
    this.setInfo(await chats.deleteMessage(view.id));
    await this.refresh();
  }

  async change(change: ConversationChange): Promise<void> {
    if (this.info === null) this.initial = { ...this.initial, ...change };
    else this.setInfo(await chats.changeConversation(this.id, change));
  }

  /** News from the account's events. */
  onConversation(info: Conversation): void {
    this.info = info;
    if (this.state !== 'ready' || info.active_leaf === null) return;
    clearTimeout(this.refreshTimer);
    // What this tab did itself is on the page by then.
    this.refreshTimer = setTimeout(() => {
      if (this.info?.active_leaf !== this.last?.id && !this.busy) void this.refresh();
    }, REFRESH_MS);
  }

  onMessage(record: Message): void {
    const view = this.find(record.id);
    if (view !== null) {
      if (!this.following.has(record.id) && !view.sending) this.take(view, record);
    } else if (this.state === 'ready' && record.parent_id === (this.last?.id ?? null)) {
      this.append(record);
    }
  }

  onMessageDeleted(id: string): void {
    if (this.find(id) !== null) void this.refresh();
  }

  /** Asks the server again for what is on the page. */
  async refresh(): Promise<void> {
    if (this.info === null) return;
    try {
      const limit = Math.max(FIRST_MESSAGES, this.views.length + 2);
      this.show(await chats.getPath(this.id, { limit }, this.ended.signal));
      void this.loadEarlier();
    } catch (error) {
      if (error instanceof RequestFailed && error.failure.kind === 'missing') this.state = 'missing';
    }
  }

  private setInfo(info: Conversation): void {
    this.info = info;
    this.changed(info);
  }

  /** The messages from the first to this one; none for null. */
  private upTo(id: string | null): readonly MessageView[] {
    return id === null ? [] : this.views.slice(0, this.views.findIndex((view) => view.id === id) + 1);
  }

  private show({ data, earlier }: Path): void {
    const known = new Map(this.views.map((view) => [view.id, view]));
    this.views = data.map((record) => {
      const view = known.get(record.id) ?? new MessageView(record);
      if (!this.following.has(record.id)) this.take(view, record);
      else view.record = { ...view.record, siblings: record.siblings };
      return view;
    });
    this.earlier = earlier;
  }

  protected append(record: Message): void {
    const known = this.find(record.id);
    if (known !== null) {
      if (!this.following.has(record.id)) this.take(known, record);
      return;
    }
    const view = new MessageView(record);
    this.views = [...this.views, view];
    this.take(view, record);
  }

  private take(view: MessageView, record: Message): void {
    view.record = record;
    if (isRunning(record)) void this.follow(view);
  }

  private async loadEarlier(): Promise<void> {
    while (this.earlier && !this.ended.signal.aborted) {
      await idle();
      const first = this.views[0];
      if (first === undefined) return;
      try {
        const path = await chats.getPath(
          this.id,
          { leaf: this.last?.id ?? null, before: first.id, limit: MORE_MESSAGES },
          this.ended.signal,
        );
        if (await this.prepend(path.data)) this.earlier = path.earlier && path.data.length > 0;
      } catch {
        return; // the next refresh tries again
      }
    }
  }

  /** Puts messages above what is on the page; false when that has changed meanwhile. */
  private async prepend(records: readonly Message[]): Promise<boolean> {
    let top = this.views[0];
    for (let end = records.length; end > 0; end -= SLICE) {
      if (end < records.length) await idle();
      if (this.views[0] !== top || this.ended.signal.aborted) return false;
      const slice = records.slice(Math.max(0, end - SLICE), end);
      this.views = [...slice.map((record) => new MessageView(record)), ...this.views];
      top = this.views[0];
    }
    return true;
  }

  /** Takes the events of a running answer to its end. */
  private async follow(view: MessageView): Promise<void> {
    if (this.following.has(view.id)) return;
    this.following.add(view.id);
    let kind: 'text' | 'reasoning' = 'text';
    const reduce = (event: AnswerEvent): void => {
      view.record = reduceAnswer(view.record, event);
    };
    const buffer = new FrameBuffer((text) => reduce({ type: kind, text }));
    try {
      for await (const event of chats.answerEvents(view.id, view.record.last_event, this.ended.signal)) {
        if (event.type === 'text' || event.type === 'reasoning') {
          if (event.type !== kind) buffer.flush();
          if (event.type === 'reasoning') view.reasoningSince ??= performance.now();
          kind = event.type;
          buffer.add(event.text);
        } else {
          buffer.flush();
          reduce(event);
        }
      }
    } catch {
      await this.settle(view);
    } finally {
      buffer.flush();
      this.following.delete(view.id);
    }
  }

  /** After a stream that cannot be taken up again: how the answer stands. */
  private async settle(view: MessageView): Promise<void> {
    if (this.ended.signal.aborted) return;
    try {
      view.record = await chats.getMessage(view.id);
    } catch (error) {
      const { code, detail } = failureOf(error);
      view.record = { ...view.record, status: 'failed', error: { code, message: detail } };
    }
  }
}

/** The next moment when the page has nothing more urgent to do. */
function idle(): Promise<void> {
  return new Promise((resolve) => {
    if ('requestIdleCallback' in window) requestIdleCallback(() => resolve(), { timeout: 500 });
    else setTimeout(resolve, 30);
  });
}
