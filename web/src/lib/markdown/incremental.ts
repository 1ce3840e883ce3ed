// Markdown that grows: only what may still change is parsed again.
//
// A block is settled once a later block has begun on a complete line; from then on its text is not looked at again
// and its nodes stay the same objects, so the page does not touch what it shows of it.
import MarkdownIt from 'markdown-it';
import cjkFriendly from 'markdown-it-cjk-friendly';

import { footnotes, noteLabels } from './footnotes';
import { math } from './math';
import type { Block } from './nodes';
import { treeOf } from './tree';

// Emphasis next to Korean, Chinese and Japanese text ("**강조**는") works as their writers expect.
const parser = new MarkdownIt('default', { html: false, linkify: true, breaks: false })
  .use(cjkFriendly)
  .use(math)
  .use(footnotes);
parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });

/** The link definitions seen so far, and the labels of footnotes. */
type Environment = NonNullable<Parameters<typeof parser.parse>[1]> & { notes?: ReadonlySet<string> };

// Links and footnotes may be defined after their use; such a text is parsed once more when it is complete.
const DEFINITION = /^ {0,3}\[[^\]]+\]:/m;

export function parseMarkdown(
  source: string,
  environment: Environment = { notes: noteLabels(source) },
): Block[] {
  return treeOf(parser.parse(source, environment));
}

export class IncrementalMarkdown {
  private source = '';
  private settled: readonly Block[] = [];
  private settledEnd = 0;
  private scannedEnd = 0;
  private environment: Environment = {};
  private result: readonly Block[] = [];
  private finished = false;

  /**
   * The blocks of `source`. When `source` continues what was given before, settled blocks are the same objects as
   * before. `finished` says that nothing more will come: links defined after their use then work.
   */
  update(source: string, finished: boolean): readonly Block[] {
    if (source === this.source && finished === this.finished) return this.result;
    if (!source.startsWith(this.source)) this.reset();
    this.source = source;
    this.finished = finished;
    this.settle();
    const live = parseMarkdown(source.slice(this.settledEnd), this.copyOfEnvironment());
    this.result = [...this.settled, ...live];
    if (finished && DEFINITION.test(source)) this.result = parseMarkdown(source);
    return this.result;
  }

  private reset(): void {
    this.settled = [];
    this.settledEnd = 0;
    this.scannedEnd = 0;
    this.environment = {};
  }

  /** Settles every block but the last of the complete lines. */
  private settle(): void {
    const end = this.source.lastIndexOf('\n') + 1;
    if (end <= this.scannedEnd) return;
    this.scannedEnd = end;
    const complete = this.source.slice(this.settledEnd, end);
    const starts = parser
      .parse(complete, this.copyOfEnvironment())
      .filter(({ level, nesting, map }) => level === 0 && nesting >= 0 && map !== null);
    const lastLine = starts.at(-1)?.map?.[0] ?? 0;
    if (starts.length < 2 || lastLine === 0) return;
    const settling = complete.slice(0, offsetOfLine(complete, lastLine));
    this.settled = [...this.settled, ...parseMarkdown(settling, this.environment)];
    this.settledEnd += settling.length;
  }

  private copyOfEnvironment(): Environment {
    return { references: { ...this.environment.references } };
  }
}

function offsetOfLine(text: string, line: number): number {
  let offset = 0;
  for (let count = 0; count < line; count++) offset = text.indexOf('\n', offset) + 1;
  return offset;
}
