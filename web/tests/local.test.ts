import { describe, expect, it } from 'vitest';

import { RequestFailed } from '../src/lib/api/failure';
import type { Conversation, Message } from '../src/lib/api/types';
import { draftMessage } from '../src/lib/chat/answer';
import { promptOf } from '../src/lib/local/prompt';
import { searchIn } from '../src/lib/local/search';
import { Tree } from '../src/lib/local/tree';

const chat = (id: string, title = ''): Conversation => ({
  id, title, project_id: null, assistant_id: null, model: '', instructions: '', sampling: {}, pinned: false,
  archived: false, active_leaf: null, messages: 0, answering: [], created_ms: 0, updated_ms: 0,
});
const message = (id: string, parent_id: string | null, content = id): Message =>
  draftMessage(id.startsWith('q') ? 'user' : 'assistant', { id, conversation_id: 'c', parent_id, content });

/** q1 with the answers a1 and a2; below a1 the questions q2 (answered by a3) and q3. */
function planted(): Tree {
  const tree = new Tree();
  tree.put(chat('c'));
  for (const [id, parent] of [['q1', null], ['a1', 'q1'], ['a2', 'q1'], ['q2', 'a1'], ['a3', 'q2'], ['q3', 'a1']] as const) {
    tree.add(message(id, parent));
  }
  tree.change('c', { active_leaf: 'q2' });
  return tree;
}
const ids = (messages: readonly Message[]): string[] => messages.map(({ id }) => id);

describe('Tree', () => {
  it('a path leads from the first message to the leaf, and knows the versions beside it', () => {
    const tree = planted();
    expect(tree.conversation('c').active_leaf).toBe('a3');
    expect(ids(tree.path('a3'))).toEqual(['q1', 'a1', 'q2', 'a3']);
    expect(tree.path('a3').map(({ siblings }) => siblings)).toEqual([['q1'], ['a1', 'a2'], ['q2', 'q3'], ['a3']]);
    expect(tree.path(null)).toEqual([]);
  });

  it('to show a message is to show the newest path through it', () => {
    const tree = planted();
    expect(tree.change('c', { active_leaf: 'a1' }).active_leaf).toBe('q3');
    expect(tree.change('c', { active_leaf: 'a2' }).active_leaf).toBe('a2');
  });

  it('a message goes with all below it, and the leaf moves to what is beside or above', () => {
    const tree = planted();
    expect(tree.removeMessage('q2').sort()).toEqual(['a3', 'q2']);
    expect(tree.conversation('c').active_leaf).toBe('q3');
    tree.removeMessage('a1');
    expect(tree.conversation('c').active_leaf).toBe('a2');
    tree.removeMessage('q1');
    expect(tree.conversation('c').active_leaf).toBeNull();
    expect(tree.messagesOf('c')).toEqual([]);
  });

  it('what is not there is missing, as on a server', () => {
    const tree = planted();
    tree.removeConversation('c');
    expect(() => tree.conversation('c')).toThrow(RequestFailed);
    expect(() => tree.message('q1')).toThrow(RequestFailed);
  });
});

describe('promptOf', () => {
  it('alternates strictly: an empty answer is left out, questions that meet become one', () => {
    const path = [message('q1', null), message('a1', 'q1', ''), message('q2', 'a1'), message('a3', 'q2', '답')];
    expect(promptOf(path, '')).toEqual([
      { role: 'user', content: 'q1\n\nq2' }, { role: 'assistant', content: '답' },
    ]);
    expect(promptOf(path, 'Be brief.')[0]).toEqual({ role: 'system', content: 'Be brief.' });
  });
});

describe('searchIn', () => {
  const messages: Record<string, Message[]> = {
    c: [message('q1', null, 'How do I make 김치 at home?')],
    d: [message('q2', null, 'Decomposed: \u1100\u1175\u11b7\u110e\u1175 and (brackets)')],
    e: [],
  };
  const found = (text: string): string[] =>
    searchIn(text, [chat('c', 'Food'), chat('d'), chat('e', 'Kimchi')], (id) => messages[id] ?? []).map(
      ({ conversation }) => conversation.id,
    );

  it('finds every word anywhere, also syllables that were written in parts', () => {
    expect(found('김치')).toEqual(['c', 'd']);
    expect(found('김치 HOME')).toEqual(['c']);
    expect(found('kim')).toEqual(['e']);
    expect(found('(brackets)')).toEqual(['d']);
    expect(found('  ')).toEqual([]);
    expect(found('nowhere')).toEqual([]);
  });

  it('marks what it found', () => {
    const [hit] = searchIn('김치', [chat('c', 'Food')], (id) => messages[id] ?? []);
    expect(hit?.snippet).toEqual([
      { text: 'How do I make ', match: false }, { text: '김치', match: true }, { text: ' at home?', match: false },
    ]);
    expect(hit?.message_id).toBe('q1');
  });
});
