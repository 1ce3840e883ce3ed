// What of a conversation is sent to the model.
import type { Conversation } from './conversation';

export interface PromptMessage {
  role: 'user' | 'assistant';
  content: string;
}

/**
 * Every message, in order, in strict alternation as chat templates demand it: an answer that never got a word is
 * left out, and questions that thereby meet are sent as one. No system prompt is added.
 */
export function promptOf(conversation: Conversation): PromptMessage[] {
  const prompt: PromptMessage[] = [];
  for (const { role, text } of conversation.messages) {
    if (text.trim() === '') continue;
    const previous = prompt.at(-1);
    if (previous?.role === role) previous.content += '\n\n' + text;
    else prompt.push({ role, content: text });
  }
  return prompt;
}
