// A conversation and the one reducer that makes it: the events of a live stream and those replayed from storage
// take the same path.

/** Why an answer did not come, or not to its end. `detail` is the server's own sentence, shown small. */
export type FailureKind =
  | 'unreachable' // no connection, or it broke
  | 'loading' // 503 while the model is being loaded
  | 'no_model'
  | 'stopping' // 503 while the server shuts down
  | 'context_length'
  | 'busy' // 429, or 503 with a full queue
  | 'unauthorized'
  | 'rejected' // any other 4xx
  | 'server'; // 5xx, or something that is no answer

export interface Failure {
  readonly kind: FailureKind;
  readonly detail: string;
}

export type AnswerStatus =
  | 'waiting' // sent, nothing came yet
  | 'streaming'
  | 'done'
  | 'length' // ended at a limit of length
  | 'stopped' // by the user
  | 'interrupted' // the page was left or reloaded in between
  | 'failed';

/** Measured by the page: milliseconds from sending. */
export interface Timing {
  readonly firstTokenMs: number;
  readonly totalMs: number;
  /** Tokens of the answer as the server counted them, or null where it did not say. */
  readonly tokens: number | null;
}

export interface Question {
  readonly role: 'user';
  readonly id: string;
  readonly text: string;
}

export interface Answer {
  readonly role: 'assistant';
  readonly id: string;
  readonly model: string;
  readonly text: string;
  readonly status: AnswerStatus;
  readonly failure: Failure | null;
  readonly timing: Timing | null;
}

export type Message = Question | Answer;

export interface Conversation {
  readonly id: string;
  readonly messages: readonly Message[];
}

export type ChatEvent =
  | { readonly type: 'asked'; readonly id: string; readonly text: string }
  | { readonly type: 'answering'; readonly id: string; readonly model: string }
  | { readonly type: 'delta'; readonly id: string; readonly text: string }
  | {
      readonly type: 'ended';
      readonly id: string;
      readonly status: Exclude<AnswerStatus, 'waiting' | 'streaming' | 'failed'>;
      readonly timing: Timing | null;
    }
  | { readonly type: 'failed'; readonly id: string; readonly failure: Failure }
  | { readonly type: 'dropped'; readonly id: string }; // an answer makes room for another try

export const emptyConversation = (id: string): Conversation => ({ id, messages: [] });

export const isOpen = (answer: Answer): boolean =>
  answer.status === 'waiting' || answer.status === 'streaming';

/** Pure. Events for an answer that is unknown or already closed change nothing. */
export function reduce(conversation: Conversation, event: ChatEvent): Conversation {
  switch (event.type) {
    case 'asked':
      return append(conversation, { role: 'user', id: event.id, text: event.text });
    case 'answering':
      return append(conversation, {
        role: 'assistant',
        id: event.id,
        model: event.model,
        text: '',
        status: 'waiting',
        failure: null,
        timing: null,
      });
    case 'delta':
      return change(conversation, event.id, (answer) => ({
        ...answer,
        text: answer.text + event.text,
        status: 'streaming',
      }));
    case 'ended':
      return change(conversation, event.id, (answer) => ({
        ...answer,
        status: event.status,
        timing: event.timing,
      }));
    case 'failed':
      return change(conversation, event.id, (answer) => ({
        ...answer,
        status: 'failed',
        failure: event.failure,
      }));
    case 'dropped':
      return {
        ...conversation,
        messages: conversation.messages.filter(({ role, id }) => role === 'user' || id !== event.id),
      };
  }
}

/** The events that make this conversation again; an answer that was still open is now interrupted. */
export function replay(conversation: Conversation): ChatEvent[] {
  return conversation.messages.flatMap((message): ChatEvent[] => {
    if (message.role === 'user') return [{ type: 'asked', id: message.id, text: message.text }];
    const { id, model, text, status, failure, timing } = message;
    const events: ChatEvent[] = [{ type: 'answering', id, model }];
    if (text !== '') events.push({ type: 'delta', id, text });
    if (failure !== null) events.push({ type: 'failed', id, failure });
    else if (status === 'waiting' || status === 'streaming' || status === 'failed')
      events.push({ type: 'ended', id, status: 'interrupted', timing: null });
    else events.push({ type: 'ended', id, status, timing });
    return events;
  });
}

function append(conversation: Conversation, message: Message): Conversation {
  return { ...conversation, messages: [...conversation.messages, message] };
}

function change(
  conversation: Conversation,
  id: string,
  next: (answer: Answer) => Answer,
): Conversation {
  // From the end: it is nearly always the last one.
  const at = conversation.messages.findLastIndex((message) => message.id === id);
  const answer = conversation.messages[at];
  if (answer === undefined || answer.role !== 'assistant' || !isOpen(answer)) return conversation;
  return { ...conversation, messages: conversation.messages.with(at, next(answer)) };
}
