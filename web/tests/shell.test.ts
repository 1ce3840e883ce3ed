import { describe, expect, it } from 'vitest';

import type { Conversation, Prompt } from '../src/lib/api/types';
import { fileName } from '../src/lib/highlight/file_name';
import { filled, matching, variablesOf } from '../src/lib/input/prompts';
import { grouped } from '../src/lib/shell/groups';
import { keysOf, shortcutOf } from '../src/lib/shell/shortcuts';

const NOW = new Date(2026, 10, 24, 9, 30).getTime();
const DAY = 86_400_000;

const chat = (id: string, updated_ms: number, pinned = false): Conversation =>
  ({ id, updated_ms, pinned }) as Conversation;

describe('grouped', () => {
  it('sorts by the days of the calendar, pinned ones first', () => {
    const groups = grouped(
      [
        chat('old', new Date(2026, 3, 9).getTime()), chat('month', NOW - 20 * DAY), chat('week', NOW - 6 * DAY),
        chat('yesterday', new Date(2026, 10, 23, 23, 59).getTime()), chat('early', new Date(2026, 10, 24).getTime()),
        chat('now', NOW), chat('older', new Date(2026, 3, 1).getTime()), chat('kept', NOW - 300 * DAY, true),
      ],
      NOW,
    );
    expect(groups.map(({ name, chats }) => [name, ...chats.map(({ id }) => id)])).toEqual([
      ['pinned', 'kept'], ['today', 'now', 'early'], ['yesterday', 'yesterday'], ['week', 'week'], ['month', 'month'],
      ['older', 'old', 'older'],
    ]);
    expect(groups.at(-1)?.month).toBe(new Date(2026, 3, 1).getTime());
  });
});

describe('prompts', () => {
  const prompts = ['번역', 'summary', 'translate'].map((name): Prompt => ({ id: name, name, text: name }));
  const names = (typed: string): string[] => matching(prompts, typed).map(({ name }) => name);

  it('a slash offers those that fit, the nearest first', () => {
    expect(names('/')).toEqual(['번역', 'summary', 'translate']);
    expect(names('/번')).toEqual(['번역']);
    expect(names('/MA')).toEqual(['summary']);
    for (const typed of ['', 'a/', '/sum mary', ' /sum']) expect(names(typed)).toEqual([]);
  });

  it('variables are found once and filled everywhere', () => {
    const text = 'Translate {{ text }} into {{언어}}. {{text}}! {not} {{}}';
    expect(variablesOf(text)).toEqual(['text', '언어']);
    expect(filled(text, { text: '{{언어}}', 언어: '한국어' })).toBe(
      'Translate {{언어}} into 한국어. {{언어}}! {not} {{}}',
    );
  });
});

describe('shortcuts', () => {
  const press = (key: string, rest: object = {}): Parameters<typeof shortcutOf>[0] => ({
    key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, isComposing: false, defaultPrevented: false,
    target: null, ...rest,
  });

  it('are taken with Ctrl or Cmd and never while a syllable is composed', () => {
    expect(shortcutOf(press('k', { ctrlKey: true }))).toBe('palette');
    expect(shortcutOf(press('K', { metaKey: true }))).toBe('palette');
    expect(shortcutOf(press('k'))).toBeNull();
    expect(shortcutOf(press('Escape'))).toBe('stop');
    expect(shortcutOf(press('Escape', { isComposing: true }))).toBeNull();
    expect(shortcutOf(press('?', { shiftKey: true }))).toBe('shortcuts');
    expect(keysOf('newChat', true)).toEqual(['⌘', '⇧', 'O']);
    expect(keysOf('newChat', false)).toEqual(['Ctrl', 'Shift', 'O']);
  });
});

it('a downloaded block of code has the name of its language', () => {
  expect([fileName('Python'), fileName('dockerfile'), fileName(''), fileName('constructor')]).toEqual([
    'code.py', 'Dockerfile', 'code.txt', 'code.txt',
  ]);
});
