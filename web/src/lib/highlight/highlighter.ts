// Colours code by highlight.js (through lowlight, which gives a tree instead of HTML). A chunk of its own: loaded
// when the first code block appears.
import { createLowlight } from 'lowlight';

import { loadLanguage } from './languages';
import { linesOf, plainLines, reuse, type Line } from './lines';

const lowlight = createLowlight();

// Beyond this many characters a growing block is coloured anew only after it has grown by a tenth, and beyond the
// second not at all.
const EVERY_TIME = 6_000;
const AT_ALL = 200_000;

/** Colours one block of code that may grow. */
export class Highlighter {
  private lines: Line[] = [];
  private coloured = '';

  private constructor(private readonly language: string) {}

  static async load(language: string): Promise<Highlighter> {
    if (!lowlight.registered(language)) lowlight.register(language, await loadLanguage(language));
    return new Highlighter(language);
  }

  update(text: string, finished: boolean): readonly Line[] {
    if (text.length > AT_ALL) return plainLines(text);
    const grows = this.coloured !== '' && text.startsWith(this.coloured);
    const enough = finished || text.length < EVERY_TIME || text.length > this.coloured.length * 1.1;
    if (grows && !enough) return this.withPlainEnd(text);
    this.coloured = text;
    this.lines = reuse(this.lines, linesOf(lowlight.highlight(this.language, text)));
    return this.lines;
  }

  /** What is coloured already, and the rest as it is. */
  private withPlainEnd(text: string): Line[] {
    const [first = [], ...rest] = plainLines(text.slice(this.coloured.length));
    return [...this.lines.slice(0, -1), [...(this.lines.at(-1) ?? []), ...first], ...rest];
  }
}
