import { createLowlight } from 'lowlight';
import { describe, expect, it } from 'vitest';

import { Highlighter } from '../src/lib/highlight/highlighter';
import { languageId, languageIds, loadLanguage } from '../src/lib/highlight/languages';
import type { Line } from '../src/lib/highlight/lines';

const textOf = (lines: readonly Line[]): string =>
  lines.map((line) => line.map(({ text }) => text).join('')).join('\n');
const classesOf = (lines: readonly Line[]): string[] => lines.flat().map(({ classes }) => classes);

const PYTHON = 'def f(x):\n    """Doc\n\n    more"""\n    return x + 1  # 하나\n';

describe('languages', () => {
  it('are known by their usual names', () => {
    expect(['py', 'JS', 'c++', 'html', 'sh', 'yml', 'rust'].map(languageId)).toEqual([
      'python', 'javascript', 'cpp', 'xml', 'bash', 'yaml', 'rust',
    ]);
    expect(['', 'nonsense', 'constructor', '__proto__', 'toString'].map(languageId)).toEqual([
      null, null, null, null, null,
    ]);
  });

  it.each(languageIds())('%s loads and colours', async (id) => {
    const lowlight = createLowlight({ [id]: await loadLanguage(id) });
    expect(() => lowlight.highlight(id, 'x = 1;')).not.toThrow();
  });
});

describe('Highlighter', () => {
  it('keeps the text to the letter, however it grows', async () => {
    const growing = await Highlighter.load('python');
    for (let end = 1; end <= PYTHON.length; end++) {
      expect(textOf(growing.update(PYTHON.slice(0, end), false))).toBe(PYTHON.slice(0, end));
    }
    const lines = growing.update(PYTHON, true);
    const fresh = (await Highlighter.load('python')).update(PYTHON, true);
    expect(lines).toEqual(fresh);
    expect(classesOf(lines)).toContain('hljs-keyword');
  });

  it('leaves lines alone that did not change', async () => {
    const highlighter = await Highlighter.load('python');
    const before = highlighter.update('a = 1\nb = 2\n', false);
    const after = highlighter.update('a = 1\nb = 2\nc = 3', false);
    expect(after[0]).toBe(before[0]);
    expect(after[1]).toBe(before[1]);
  });

  it('colours a long block only now and then, and wholly when it is finished', async () => {
    const highlighter = await Highlighter.load('python');
    const long = 'x = "1"\n'.repeat(2000);
    highlighter.update(long, false);
    const grown = highlighter.update(long + 'y = "2"', false);
    expect(textOf(grown)).toBe(long + 'y = "2"');
    expect(classesOf(grown.slice(-1))).toEqual(['']);
    expect(classesOf(highlighter.update(long + 'y = "2"', true).slice(-1))).toContain('hljs-string');
  });

  it('gives up colouring what is too long', async () => {
    const highlighter = await Highlighter.load('json');
    const huge = '[1],\n'.repeat(60_000);
    expect(textOf(highlighter.update(huge, true))).toBe(huge);
  });

  it('has no markup to inject: tags are text', async () => {
    const lines = (await Highlighter.load('xml')).update('<script>alert("1")</script>', true);
    expect(textOf(lines)).toBe('<script>alert("1")</script>');
  });
});
