import { describe, expect, it } from 'vitest';

import { emptyConversation, isOpen, reduce, replay } from '../src/lib/chat/conversation';
import type { Answer, ChatEvent, Conversation } from '../src/lib/chat/conversation';
import { promptOf } from '../src/lib/chat/prompt';
import { restored, withinLimits } from '../src/lib/chat/storage';

const build = (...events: ChatEvent[]): Conversation => events.reduce(reduce, emptyConversation('c'));
const restore = (conversation: Conversation): Conversation => build(...replay(conversation));
const lastAnswer = (conversation: Conversation): Answer => conversation.messages.at(-1) as Answer;

const ASKED: ChatEvent = { type: 'asked', id: 'q1', text: '안녕' };
const ANSWERING: ChatEvent = { type: 'answering', id: 'a1', model: 'm' };
const HELLO: ChatEvent = { type: 'delta', id: 'a1', text: '안녕' };
const WORLD: ChatEvent = { type: 'delta', id: 'a1', text: '하세요' };
const DONE: ChatEvent = {
  type: 'ended',
  id: 'a1',
  status: 'done',
  timing: { firstTokenMs: 10, totalMs: 100, tokens: 2 },
};

describe('reduce', () => {
  it('makes an answer of a stream', () => {
    const waiting = build(ASKED, ANSWERING);
    expect(lastAnswer(waiting)).toMatchObject({ status: 'waiting', text: '', model: 'm' });
    const streaming = build(ASKED, ANSWERING, HELLO, WORLD);
    expect(lastAnswer(streaming)).toMatchObject({ status: 'streaming', text: '안녕하세요' });
    expect(lastAnswer(reduce(streaming, DONE))).toMatchObject({
      status: 'done',
      text: '안녕하세요',
      timing: { tokens: 2 },
    });
  });

  it('keeps what came before a failure or a stop, and nothing that comes after', () => {
    const failure = { kind: 'unreachable', detail: '' } as const;
    const failed = build(ASKED, ANSWERING, HELLO, { type: 'failed', id: 'a1', failure }, WORLD, DONE);
    expect(lastAnswer(failed)).toMatchObject({ status: 'failed', text: '안녕', failure });
    const stop: ChatEvent = { type: 'ended', id: 'a1', status: 'stopped', timing: null };
    expect(lastAnswer(build(ASKED, ANSWERING, HELLO, stop, WORLD))).toMatchObject({
      status: 'stopped',
      text: '안녕',
    });
  });

  it('takes no events for an answer that is not there', () => {
    const before = build(ASKED);
    expect(reduce(before, HELLO)).toBe(before);
    expect(reduce(before, { type: 'delta', id: 'q1', text: 'x' })).toBe(before);
  });

  it('drops an answer, never a question', () => {
    const whole = build(ASKED, ANSWERING, HELLO, DONE);
    expect(reduce(whole, { type: 'dropped', id: 'a1' }).messages).toEqual(build(ASKED).messages);
    expect(reduce(whole, { type: 'dropped', id: 'q1' }).messages).toHaveLength(2);
  });

  it('leaves the objects of other messages alone', () => {
    const before = build(ASKED, ANSWERING);
    const after = reduce(before, HELLO);
    expect(after.messages[0]).toBe(before.messages[0]);
    expect(after.messages[1]).not.toBe(before.messages[1]);
  });
});

describe('replay', () => {
  it.each<[string, ChatEvent[]]>([
    ['a finished answer', [ASKED, ANSWERING, HELLO, DONE]],
    ['a stopped answer', [ASKED, ANSWERING, HELLO, { type: 'ended', id: 'a1', status: 'stopped', timing: null }]],
    ['a failed answer', [ASKED, ANSWERING, { type: 'failed', id: 'a1', failure: { kind: 'busy', detail: 'd' } }]],
    ['a question alone', [ASKED]],
    ['nothing', []],
  ])('gives %s again', (_, events) => {
    const live = build(...events);
    expect(restore(live)).toEqual(live);
  });

  it.each([[[ASKED, ANSWERING]], [[ASKED, ANSWERING, HELLO]]])(
    'an answer that was under way is interrupted',
    (events) => {
      const answer = lastAnswer(restore(build(...events)));
      expect(answer.status).toBe('interrupted');
      expect(isOpen(answer)).toBe(false);
    },
  );
});

describe('promptOf', () => {
  it('sends every message in order and adds none', () => {
    const conversation = build(ASKED, ANSWERING, HELLO, DONE, { type: 'asked', id: 'q2', text: '또' });
    expect(promptOf(conversation)).toEqual([
      { role: 'user', content: '안녕' },
      { role: 'assistant', content: '안녕' },
      { role: 'user', content: '또' },
    ]);
  });

  it('alternates also after an answer that never came', () => {
    const failure = { kind: 'server', detail: '' } as const;
    const conversation = build(ASKED, ANSWERING, { type: 'failed', id: 'a1', failure }, {
      type: 'asked',
      id: 'q2',
      text: '또',
    });
    expect(promptOf(conversation)).toEqual([{ role: 'user', content: '안녕\n\n또' }]);
  });
});

describe('what storage gives back', () => {
  const rowsOf = (conversation: Conversation): unknown[] =>
    conversation.messages.map((message) => ({ key: `c/${message.id}`, message }));

  it('is put together in order', () => {
    const conversation = build(ASKED, ANSWERING, HELLO, DONE);
    const rows = rowsOf(conversation).reverse();
    expect(restored('c', { id: 'c', order: ['q1', 'a1'] }, rows)).toEqual(conversation);
  });

  it('leaves out what is no message', () => {
    const rows = [
      ...rowsOf(build(ASKED)),
      { message: { role: 'assistant', id: 'x', text: 'y', status: 'odd', model: 'm', failure: null, timing: null } },
      { message: { role: 'system', id: 'y', text: 'z' } },
      { message: null },
      {},
    ];
    const result = restored('c', { id: 'c', order: ['x', 'y', 'q1', 'gone', 7] }, rows);
    expect(result?.messages).toEqual(build(ASKED).messages);
    expect(restored('c', undefined, rows)).toBeNull();
    expect(restored('c', { order: 'q1' }, rows)).toBeNull();
  });

  it('is limited to the newest messages, beginning with a question', () => {
    const many = build(
      ...Array.from({ length: 2500 }, (_, n): ChatEvent[] => [
        { type: 'asked', id: `q${n}`, text: 'q' },
        { type: 'answering', id: `a${n}`, model: 'm' },
      ]).flat(),
    ).messages;
    const kept = withinLimits(many);
    expect(kept.length).toBeLessThanOrEqual(2000);
    expect(kept[0]?.role).toBe('user');
    expect(kept.at(-1)).toBe(many.at(-1));
    const huge = build({ type: 'asked', id: 'q', text: 'x'.repeat(30_000_000) }, ANSWERING, HELLO).messages;
    expect(withinLimits(huge)).toHaveLength(0);
    expect(withinLimits(build(ASKED, ANSWERING).messages)).toHaveLength(2);
  });
});
