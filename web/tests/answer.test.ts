import { describe, expect, it } from 'vitest';

import type { AnswerEvent, Message } from '../src/lib/api/types';
import { draftMessage, reduceAnswer } from '../src/lib/chat/answer';

const running = (content = ''): Message =>
  draftMessage('assistant', { id: 'a', conversation_id: 'c', parent_id: 'q', content, status: 'running' });
const text = (value: string): AnswerEvent => ({ type: 'text', text: value });
const END: AnswerEvent = {
  type: 'end', status: 'complete', finish_reason: 'stop', error: null,
  usage: { prompt_tokens: 9, cached_tokens: 0, completion_tokens: 2 }, duration_ms: 100, reasoning_ms: 30,
};

describe('reduceAnswer', () => {
  it('grows by text and reasoning and ends', () => {
    const events: AnswerEvent[] = [
      { type: 'start', model: 'm', context: { used: 9, limit: 100 }, not_sent_until: 'q0' },
      { type: 'reasoning', text: 'so' }, text('두'), text('레'), END,
    ];
    expect(events.reduce(reduceAnswer, running())).toMatchObject({
      content: '두레', reasoning: 'so', model: 'm', status: 'complete', finish_reason: 'stop', not_sent_until: 'q0',
      context: { used: 9, limit: 100 }, duration_ms: 100, reasoning_ms: 30,
    });
  });

  it('taken up in the middle it comes to the same', () => {
    const live = [text('a'), text('b'), text('c'), END].reduce(reduceAnswer, running());
    const resumed = [text('c'), END].reduce(reduceAnswer, running('ab'));
    const replaced = [{ type: 'snapshot', text: 'abc', reasoning: '' } as const, END].reduce(reduceAnswer, running('x'));
    expect(resumed.content).toBe(live.content);
    expect(replaced.content).toBe(live.content);
  });

  it('nothing changes an answer that has ended', () => {
    const ended = reduceAnswer(running('a'), END);
    expect(reduceAnswer(ended, text('more'))).toBe(ended);
    expect(reduceAnswer(ended, { type: 'snapshot', text: '', reasoning: '' })).toBe(ended);
  });
});
