// What of a conversation is sent to the model.
import type { Message } from '../api/types';
import type { PromptMessage } from './completions';

/**
 * Every message, in order, in strict alternation as chat templates demand it: an answer that never got a word is left
 * out, and questions that thereby meet are sent as one. Instructions come first, as the system's.
 */
export function promptOf(
  path: readonly Pick<Message, 'role' | 'content'>[],
  instructions: string,
): PromptMessage[] {
  const prompt: PromptMessage[] = instructions.trim() === '' ? [] : [{ role: 'system', content: instructions }];
  for (const { role, content } of path) {
    if (content.trim() === '') continue;
    const previous = prompt.at(-1);
    if (previous?.role === role) previous.content += '\n\n' + content;
    else prompt.push({ role, content });
  }
  return prompt;
}
