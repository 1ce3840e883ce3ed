// The one reducer of answers: a live stream and one that was taken up again are the same events.
import type { AnswerEvent, Message } from '../api/types';

export const isRunning = (message: Message): boolean => message.status === 'running';

/** Pure. Events for an answer that has ended change nothing. */
export function reduceAnswer(message: Message, event: AnswerEvent): Message {
  if (!isRunning(message)) return message;
  switch (event.type) {
    case 'start':
      return {
        ...message,
        model: event.model || message.model,
        context: event.context,
        not_sent_until: event.not_sent_until,
      };
    case 'text':
      return { ...message, content: message.content + event.text };
    case 'reasoning':
      return { ...message, reasoning: message.reasoning + event.text };
    case 'snapshot':
      return { ...message, content: event.text, reasoning: event.reasoning };
    case 'end':
      return {
        ...message,
        status: event.status,
        finish_reason: event.finish_reason,
        error: event.error,
        usage: event.usage,
        duration_ms: event.duration_ms,
        reasoning_ms: event.reasoning_ms,
      };
  }
}

/** A message of this page before the server has it. */
export function draftMessage(
  role: 'user' | 'assistant',
  values: Pick<Message, 'id' | 'conversation_id' | 'parent_id' | 'content'> & Partial<Message>,
): Message {
  return {
    role,
    reasoning: '',
    siblings: [values.id],
    status: 'complete',
    error: null,
    finish_reason: null,
    model: '',
    not_sent_until: null,
    context: null,
    usage: null,
    duration_ms: 0,
    reasoning_ms: 0,
    attachments: [],
    last_event: 0,
    created_ms: Date.now(),
    ...values,
  };
}
