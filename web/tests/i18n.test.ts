import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { parse, type AST } from 'svelte/compiler';
import { describe, expect, it } from 'vitest';

import { en } from '../src/lib/i18n/en';
import { ko } from '../src/lib/i18n/ko';
import { languageOf } from '../src/lib/i18n/language';

const SOURCE = join(import.meta.dirname, '../src');
const sources = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).map((name) => join(SOURCE, name));
const components = sources.filter((name) => name.endsWith('.svelte'));
const modules = sources.filter((name) => name.endsWith('.ts') && !name.includes('i18n'));

const WORDS = /\p{L}/u;
const HANGUL = /[\p{Script=Hangul}]/u;
// Attributes whose text people read or hear.
const SPOKEN = /^(aria-(label|description|roledescription|valuetext|placeholder)|title|alt|placeholder|label)$/;
// The name of the product is the same in every language.
const NAME = 'Dure';

interface Node {
  readonly type?: string;
  readonly [key: string]: unknown;
}

/** Every text of a component's markup that is no expression, and every literal in it that reads like a sentence. */
function bareStrings(source: string): string[] {
  const found: string[] = [];
  const visit = (node: unknown, attribute: string | null): void => {
    if (Array.isArray(node)) {
      for (const child of node) visit(child, attribute);
      return;
    }
    if (typeof node !== 'object' || node === null) return;
    const { type } = node as Node;
    if (type === 'Comment') return;
    if (type === 'Text') {
      const text = (node as AST.Text).data.trim();
      if (WORDS.test(text) && (attribute === null || SPOKEN.test(attribute)) && text !== NAME) found.push(text);
      return;
    }
    if (type === 'Literal') {
      const { value } = node as { value?: unknown };
      const spoken = attribute !== null && SPOKEN.test(attribute);
      const sentence = attribute === null && /\p{L}\s+\p{L}/u.test(String(value));
      if (typeof value === 'string' && WORDS.test(value) && (spoken || sentence)) found.push(value);
      return;
    }
    const inside = type === 'Attribute' ? String((node as Node).name) : attribute;
    for (const [key, child] of Object.entries(node)) if (key !== 'loc') visit(child, inside);
  };
  visit(parse(source, { modern: true }).fragment, null);
  return found;
}

describe('the catalogue', () => {
  it('has the same keys and parameters in every language', () => {
    expect(Object.keys(ko).sort()).toEqual(Object.keys(en).sort());
    for (const [key, english] of Object.entries(en)) {
      const korean = ko[key as keyof typeof ko];
      expect(typeof korean, key).toBe(typeof english);
      if (typeof english === 'function') expect((korean as typeof english).length, key).toBe(english.length);
    }
  });

  it('has no empty text, and Korean text where Korean is meant', () => {
    for (const [key, english] of Object.entries(en)) {
      const korean = ko[key as keyof typeof ko];
      if (typeof english !== 'string' || typeof korean !== 'string') continue;
      expect(english.trim(), key).not.toBe('');
      expect(HANGUL.test(english), key).toBe(false);
      expect(HANGUL.test(korean), key).toBe(true);
    }
  });

  it('is used wholly', () => {
    const used = [...components, ...sources.filter((name) => name.endsWith('.ts'))]
      .map((name) => readFileSync(name, 'utf8'))
      .join('\n');
    for (const key of Object.keys(en)) expect(used, key).toMatch(new RegExp(`t\\(\\)\\.${key}\\b`));
  });
});

describe('bare strings', () => {
  it.each(components)('%s has none', (name) => {
    expect(bareStrings(readFileSync(name, 'utf8'))).toEqual([]);
  });

  it.each(modules)('%s has no Korean of its own', (name) => {
    const code = readFileSync(name, 'utf8').replace(/\/\/.*|\/\*[^]*?\*\//g, '');
    expect(HANGUL.test(code)).toBe(false);
  });

  it('would be found', () => {
    const bad = [
      '<p>Hello</p>',
      '<p>안녕</p>',
      '<button aria-label="Send"></button>',
      '<button title={busy ? "Wait" : t().send}></button>',
      '<p>{busy ? "Please wait" : t().send}</p>',
    ];
    for (const source of bad) expect(bareStrings(source), source).toHaveLength(1);
    expect(bareStrings('<p class="a b">{t().send} · 1</p><!-- a comment -->')).toEqual([]);
  });
});

describe('languageOf', () => {
  it('takes the first language that there is, else English', () => {
    expect(languageOf(['fr', 'ko-KR', 'en'])).toBe('ko');
    expect(languageOf(['en-GB', 'ko'])).toBe('en');
    expect(languageOf(['ja', 'kok-IN'])).toBe('en');
    expect(languageOf([])).toBe('en');
  });
});
