import MarkdownIt from 'markdown-it';
import { describe, expect, it, vi } from 'vitest';

import { IncrementalMarkdown, parseMarkdown } from '../src/lib/markdown/incremental';
import type { Block } from '../src/lib/markdown/nodes';

const SAMPLES: Readonly<Record<string, string>> = {
  prose: 'First paragraph\nwith a soft break.\n\nSecond with **bold**, *italics* and `code`.\n\n---\n\nEnd.',
  headings: '# One\ntext\n## Two\nSetext\n===\n\nmore\n---\nlast',
  lists: '1. one\n\n2. two\n   - nested\n\n     deep\n\n3. three\n\nafter\n\n* a\n* b\n- c\n',
  lateNumber: 'Steps:\n\n1. a\n\n10. b\n\n11. c\n\nDone.',
  code: 'Look:\n\n```python\ndef f():\n\n    return "```"\n```\n\n    indented\n\n~~~\nopen fence\n\n# no heading',
  quote: '> quoted\nlazy line\n>\n> > deeper\n\ntext\n> again',
  table: 'Before\n\n| a | b |\n|:--|--:|\n| 1 | **2** |\n| 3 |\n\nafter | not | a table',
  korean: '두레는 **"함께"**는 뜻입니다.\n\n1. 첫째\n2. 둘째\n\n**강조**가 됩니다. ~~취소~~도.',
  html: '<script>alert(1)</script>\n\n<b>x</b> & &amp; <img src=x onerror=alert(1)>\n\n<!-- c -->\ntext',
  references: 'See [a] and [b][c].\n\n[a]: https://example.org/a\n[c]: https://example.org/c "t"\n\nAgain [a].',
  math: 'It costs $5 or $6, so $x^2$ and \\(y\\) and $$z$$ inline.\n\n$$\na\n=\nb\n$$\n\n\\[\n- x\n\\]\n\n1. $$n$$\n\n> $$\n> q\n\n$$\nopen\n\nend',
  footnotes: 'A claim[^1] and [^a-z] and [^n].\n\n[^1]: The note\n    goes on.\n\n    - and on\n\n[^n]: Another\n\nText.',
  crlfAndTabs: '- a\n\tb\n\n\tc\n\npara\n\n\tcode\n',
};

function grownBy(source: string, step: number): readonly Block[] {
  const markdown = new IncrementalMarkdown();
  for (let end = 0; end < source.length; end += step) markdown.update(source.slice(0, end), false);
  return markdown.update(source, true);
}

describe('IncrementalMarkdown', () => {
  it.each(Object.entries(SAMPLES))('%s: grows to what one parse gives', (_, source) => {
    for (const step of [1, 2, 3, 7, 20]) expect(grownBy(source, step)).toEqual(parseMarkdown(source));
  });

  it.each(Object.entries(SAMPLES).filter(([name]) => name !== 'references' && name !== 'footnotes'))(
    '%s: is right at every moment in between',
    (_, source) => {
      const markdown = new IncrementalMarkdown();
      for (let end = 0; end <= source.length; end++) {
        const part = source.slice(0, end);
        expect(markdown.update(part, false)).toEqual(parseMarkdown(part));
      }
    },
  );

  it('keeps settled blocks as the same objects', () => {
    const markdown = new IncrementalMarkdown();
    const before = markdown.update('# Title\n\nFirst.\n\nSecond.\n', false);
    const after = markdown.update('# Title\n\nFirst.\n\nSecond.\n\n- list\n\nThird\n', false);
    expect(after).toHaveLength(5);
    expect(after[0]).toBe(before[0]);
    expect(after[1]).toBe(before[1]);
    const last = markdown.update('# Title\n\nFirst.\n\nSecond.\n\n- list\n\nThird\n.', true);
    for (const index of [0, 1, 2, 3]) expect(last[index]).toBe(after[index]);
  });

  it('parses little however long the answer is', () => {
    const parse = vi.spyOn(MarkdownIt.prototype, 'parse');
    const markdown = new IncrementalMarkdown();
    let source = '';
    for (let line = 0; line < 500; line++) {
      source += `Paragraph ${line} with **bold** text.\n\n`;
      markdown.update(source, false);
    }
    const parsed = parse.mock.calls.reduce((sum, [text]) => sum + text.length, 0);
    parse.mockRestore();
    // Each paragraph is looked at a few times while it is one of the last two, never again later.
    expect(parsed).toBeLessThan(source.length * 8);
  });

  it('begins anew when the text is another one', () => {
    const markdown = new IncrementalMarkdown();
    markdown.update('a\n\nb\n\nc', false);
    expect(markdown.update('x', true)).toEqual(parseMarkdown('x'));
  });
});

describe('what Markdown becomes', () => {
  it('HTML stays text', () => {
    expect(parseMarkdown('<script>alert(1)</script>')).toEqual([
      { type: 'paragraph', children: [{ type: 'text', text: '<script>alert(1)</script>' }] },
    ]);
  });

  it('only http, https and mailto make links', () => {
    const hrefs = [
      'javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'data:text/html,x', 'vbscript:x', 'file:///etc/passwd',
      '/v1/models', '//evil.example', '&#106;avascript:alert(1)', 'blob:x', 'java%0ascript:x',
    ];
    for (const href of hrefs) {
      expect(JSON.stringify(parseMarkdown(`[x](${href}) ![y](${href}) <${href}>`))).not.toContain('"link"');
    }
    expect(JSON.stringify(parseMarkdown('[x](https://example.org) <mailto:a@b.c>')).match(/"link"/g)).toHaveLength(2);
  });

  it('an image becomes a link, so that nothing is fetched', () => {
    expect(parseMarkdown('![alt](https://example.org/i.png)')).toEqual([
      {
        type: 'paragraph',
        children: [
          { type: 'link', href: 'https://example.org/i.png', children: [{ type: 'text', text: 'alt' }] },
        ],
      },
    ]);
  });

  it('Korean particles may follow emphasis directly', () => {
    expect(parseMarkdown('**"두레"**는')).toEqual([
      {
        type: 'paragraph',
        children: [
          { type: 'strong', children: [{ type: 'text', text: '"두레"' }] },
          { type: 'text', text: '는' },
        ],
      },
    ]);
  });

  it('tables keep their alignment, ordered lists their first number', () => {
    expect(parseMarkdown('|a|b|\n|:-:|--:|\n|1|2|')[0]).toMatchObject({ align: ['center', 'right'] });
    expect(parseMarkdown('5. a\n6. b')[0]).toMatchObject({ ordered: true, start: 5 });
  });

  it('formulas in a line and on their own', () => {
    const math = (tex: string, display: boolean): unknown => ({ type: 'math', tex, display });
    expect(parseMarkdown('$x^2$ \\(y\\) $$z$$ \\[w\\]')[0]).toMatchObject({
      children: [
        math('x^2', false), { text: ' ' }, math('y', false), { text: ' ' }, math('z', true), { text: ' ' },
        math('w', true),
      ],
    });
    expect(parseMarkdown('$$\n\\frac{a}{b}\n$$')).toEqual([{ type: 'math', tex: '\\frac{a}{b}' }]);
    expect(parseMarkdown('text\n\\[ x \\]\nmore')).toMatchObject([
      { type: 'paragraph' }, { type: 'math', tex: 'x' }, { type: 'paragraph' },
    ]);
  });

  it('money is no formula, nor is what stands in code', () => {
    for (const text of ['$5 and $6', 'a $ b $ c', 'US$3, US$4', '`$x$`', '\\$x$', '$$', '$']) {
      expect(JSON.stringify(parseMarkdown(text)), text).not.toContain('"math"');
    }
  });

  it('a footnote has its mark and its note, and needs both', () => {
    const [text, note] = parseMarkdown('So[^1] and [^x].\n\n[^1]: Because *this*.');
    expect(text).toMatchObject({
      children: [{ text: 'So' }, { type: 'mark', label: '1' }, { text: ' and [^x].' }],
    });
    expect(note).toMatchObject({ type: 'note', label: '1', blocks: [{ type: 'paragraph' }] });
  });

  it('survives deep nesting', () => {
    expect(() => parseMarkdown('> '.repeat(5000) + 'x')).not.toThrow();
    expect(() => parseMarkdown('['.repeat(20000))).not.toThrow();
    expect(() => parseMarkdown('[^1]: '.repeat(2000))).not.toThrow();
    expect(() => parseMarkdown('$$ \\['.repeat(5000))).not.toThrow();
  });
});
