// Conversations kept in this browser, answers from /v1/chat/completions: the same interface as the server's, for a
// server that keeps none.
import type { ChatsApi, NewMessage, Temporary } from '../api/chats';
import { RequestFailed } from '../api/failure';
import type { AccountEvent, Conversation, ConversationChange, Message, Page, Path } from '../api/types';
import { draftMessage, isRunning } from '../chat/answer';
import { newId } from '../page/id';
import { Database } from './database';
import { Generation } from './generation';
import { promptOf } from './prompt';
import { searchIn } from './search';
import { Tree } from './tree';

const SAVE_MS = 300;
const TITLE_CHARACTERS = 60;

export class LocalChats implements ChatsApi {
  private readonly database: Database;
  private readonly tree = new Tree();
  private readonly generations = new Map<string, Generation>();
  private readonly listeners = new Set<(event: AccountEvent) => void>();
  private readonly unsaved = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly loaded: Promise<void>;
  private leaving = false;

  /**
   * @param account whose they are
   * @param model the model for a conversation that has chosen none; throws RequestFailed where there is none
   */
  constructor(
    account: string,
    private readonly model: () => Promise<string>,
  ) {
    this.database = new Database(account);
    this.loaded = this.load();
    const leave = (): void => {
      this.leaving = true;
      void this.save();
    };
    // The connection may break before the page is hidden; a download asks as well and leaves nothing.
    window.addEventListener('beforeunload', () => {
      this.leaving = true;
      setTimeout(() => (this.leaving = false), LEAVING_MS);
    });
    window.addEventListener('pagehide', leave);
    window.addEventListener('pageshow', () => (this.leaving = false));
    document.addEventListener('visibilitychange', () => void this.save());
  }

  async listConversations(filter: Parameters<ChatsApi['listConversations']>[0]): Promise<Page<Conversation>> {
    await this.loaded;
    const data = this.tree
      .all()
      .filter(({ archived, pinned }) => archived === (filter.archived ?? false) && (filter.pinned ?? pinned) === pinned);
    return { data, next: null };
  }

  async createConversation(change: ConversationChange & { readonly id?: string }): Promise<Conversation> {
    await this.loaded;
    const id = change.id ?? newId('conv_');
    if (this.tree.has(id)) return this.tree.conversation(id);
    const now = Date.now();
    return this.took({
      title: '', project_id: null, assistant_id: null, model: '', instructions: '', sampling: {}, pinned: false,
      archived: false, active_leaf: null, messages: 0, answering: [], created_ms: now, updated_ms: now, ...change, id,
    });
  }

  async getConversation(id: string): Promise<Conversation> {
    await this.loaded;
    return this.tree.conversation(id);
  }

  async changeConversation(id: string, change: ConversationChange): Promise<Conversation> {
    await this.loaded;
    return this.took(this.tree.change(id, change));
  }

  async batch(ids: readonly string[], action: Parameters<ChatsApi['batch']>[1]): Promise<void> {
    if (action === 'delete') return this.deleteConversations(ids);
    const changes = {
      archive: { archived: true }, unarchive: { archived: false }, pin: { pinned: true }, unpin: { pinned: false }, move: {},
    };
    for (const id of ids) await this.changeConversation(id, changes[action]);
  }

  async deleteConversations(ids: readonly string[]): Promise<void> {
    await this.loaded;
    const gone: string[] = [];
    for (const id of ids) {
      for (const { id: message } of this.tree.messagesOf(id)) this.generations.get(message)?.stop();
      gone.push(...this.tree.removeConversation(id));
      this.tell({ type: 'conversation_deleted', id });
    }
    await this.database.remove(ids, gone);
  }

  async deleteEverything(): Promise<void> {
    await this.loaded;
    for (const generation of this.generations.values()) generation.stop();
    this.unsaved.clear();
    this.tree.clear();
    await this.database.clear();
  }

  async getPath(id: string, { leaf, before, limit = 200 }: Parameters<ChatsApi['getPath']>[1]): Promise<Path> {
    await this.loaded;
    const { active_leaf } = this.tree.conversation(id);
    const path = this.tree.path(leaf ?? active_leaf);
    const end = before === undefined ? path.length : path.findIndex((message) => message.id === before);
    const data = path.slice(Math.max(0, end - limit), end);
    return { data, leaf: active_leaf, earlier: end > limit };
  }

  async sendMessage(id: string, body: NewMessage): Promise<{ message: Message; answer: Message | null }> {
    await this.loaded;
    const before = this.tree.conversation(id);
    const { id: message_id, content, parent_id } = body;
    if (this.tree.find(message_id) === null) {
      this.add(draftMessage('user', { id: message_id, conversation_id: id, parent_id, content }));
      this.took({
        ...this.tree.change(id, { active_leaf: message_id }),
        title: before.title === '' ? titleOf(content) : before.title,
      });
    }
    return { message: this.tree.message(message_id), answer: await this.generate(message_id, body.model) };
  }

  async answerAgain(id: string, model?: string): Promise<{ answer: Message }> {
    return { answer: await this.generate(id, model) };
  }

  continueAnswer(): Promise<never> {
    return Promise.reject(new RequestFailed({ kind: 'rejected', detail: '', code: '' }));
  }

  stopAnswer(id: string): Promise<Message> {
    const generation = this.generations.get(id);
    generation?.stop();
    return Promise.resolve(generation?.message ?? this.tree.message(id));
  }

  getMessage(id: string): Promise<Message> {
    return Promise.resolve(this.generations.get(id)?.message ?? this.tree.message(id));
  }

  async deleteMessage(id: string): Promise<Conversation> {
    await this.loaded;
    const { conversation_id } = this.tree.message(id);
    const gone = this.tree.removeMessage(id);
    for (const each of gone) this.generations.get(each)?.stop();
    await this.database.remove([], gone);
    return this.took(this.tree.conversation(conversation_id));
  }

  async askTemporarily({ messages, model = '', instructions = '', sampling = {} }: Temporary): Promise<Message> {
    const answer = draftMessage('assistant', {
      id: newId('msg_'), conversation_id: '', parent_id: null, content: '', status: 'running',
      model: model === '' ? await this.model() : model,
    });
    const generation = new Generation(answer, () => undefined);
    this.generations.set(answer.id, generation);
    void generation.run(promptOf(messages, instructions), sampling);
    return answer;
  }

  async searchChats(text: string): ReturnType<ChatsApi['searchChats']> {
    await this.loaded;
    return { data: searchIn(text, this.tree.all(), (id) => this.tree.messagesOf(id)), next: null };
  }

  async *answerEvents(id: string, after: number, signal: AbortSignal): ReturnType<ChatsApi['answerEvents']> {
    const generation = this.generations.get(id);
    if (generation !== undefined) yield* generation.follow(after, signal);
  }

  async *accountEvents(signal: AbortSignal): ReturnType<ChatsApi['accountEvents']> {
    const queue: AccountEvent[] = [];
    let wake = (): void => undefined;
    const listener = (event: AccountEvent): void => {
      queue.push(event);
      wake();
    };
    this.listeners.add(listener);
    try {
      for (;;) {
        const event = queue.shift();
        if (event !== undefined) yield event;
        else await new Promise<void>((resolve, reject) => {
          wake = resolve;
          signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
        });
      }
    } finally {
      this.listeners.delete(listener);
    }
  }

  private async generate(question: string, wanted = ''): Promise<Message> {
    const { conversation_id: conversation } = this.tree.message(question);
    const { model, instructions, sampling } = this.tree.conversation(conversation);
    const answer = draftMessage('assistant', {
      id: newId('msg_'), conversation_id: conversation, parent_id: question, content: '', status: 'running',
      model: wanted || model || (await this.model()),
    });
    const prompt = promptOf(this.tree.path(question), instructions);
    this.add(answer);
    const generation = new Generation(answer, (message) => this.grown(message));
    this.generations.set(answer.id, generation);
    this.took({ ...this.tree.change(conversation, { active_leaf: answer.id }), updated_ms: Date.now(), answering: [answer.id] });
    void generation.run(prompt, sampling);
    return this.tree.message(answer.id);
  }

  /** An answer has got more, or has ended. */
  private grown(message: Message): void {
    if (this.tree.find(message.id) === null) return; // deleted meanwhile
    // A reload breaks the connection as well: what it leaves is an answer that was cut off.
    const record = this.leaving && message.status === 'failed' ? { ...message, ...CUT_OFF } : message;
    this.add(record);
    if (isRunning(message)) return;
    this.took({ ...this.tree.conversation(message.conversation_id), answering: [] });
    this.tell({ type: 'message', message: this.tree.message(message.id) });
    void this.save();
  }

  private add(message: Message): void {
    this.tree.add(message);
    this.unsaved.add(message.id);
    this.timer ??= setTimeout(() => void this.save(), SAVE_MS);
  }

  private took(conversation: Conversation): Conversation {
    const messages = this.tree.messagesOf(conversation.id).length;
    const taken = this.tree.put({ ...conversation, messages });
    this.tell({ type: 'conversation', conversation: taken });
    void this.database.write([taken], []);
    return taken;
  }

  private tell(event: AccountEvent): void {
    for (const listener of this.listeners) listener(event);
  }

  private async save(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const messages = [...this.unsaved].map((id) => this.tree.find(id)).filter((message) => message !== null);
    this.unsaved.clear();
    if (messages.length > 0) await this.database.write([], messages);
  }

  private async load(): Promise<void> {
    try {
      const { conversations, messages } = await this.database.readAll();
      for (const row of conversations) this.tree.put({ ...row, answering: [] });
      for (const row of messages.toSorted((a, b) => a.created_ms - b.created_ms)) {
        this.tree.add(isRunning(row) ? { ...row, ...CUT_OFF } : row);
      }
    } catch {
      // What cannot be read is not there.
    }
  }
}

/** How soon a page that is asked to go is gone. */
const LEAVING_MS = 2000;

/** How an answer ends whose page was left. */
const CUT_OFF = { status: 'failed', error: { code: 'interrupted', message: '' } } as const;

function titleOf(content: string): string {
  const line = content.trim().split('\n', 1)[0] ?? '';
  return line.length <= TITLE_CHARACTERS ? line : `${line.slice(0, TITLE_CHARACTERS).trimEnd()}…`;
}
