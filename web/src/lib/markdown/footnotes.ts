// Footnotes for markdown-it: "[^1]" in the text, "[^1]: note" as a block of its own, which further indented lines
// continue. A mark is one only where its note is known (`environment.notes`): "[^a-z]" in a sentence stays as it is.
import type { MarkdownIt, StateBlock, StateInline } from 'markdown-it';

type InlineRule = (state: StateInline, silent: boolean) => boolean;
type BlockRule = (state: StateBlock, startLine: number, endLine: number, silent: boolean) => boolean;

const MARK = /^\[\^([^\s\]^[]{1,60})\]/;
const NOTE = /^\[\^([^\s\]^[]{1,60})\]:[ \t]*/;
const NOTE_LINE = /^ {0,3}\[\^([^\s\]^[]{1,60})\]:/gm;

/** The labels of every line that reads like a note. */
export function noteLabels(source: string): Set<string> {
  return new Set(Array.from(source.matchAll(NOTE_LINE), ([, label = '']) => label));
}

export function footnotes(parser: MarkdownIt): void {
  parser.inline.ruler.before('link', 'footnote_mark', mark);
  parser.block.ruler.before('reference', 'footnote', note, { alt: ['paragraph', 'reference'] });
}

const mark: InlineRule = (state, silent) => {
  if (state.src.charCodeAt(state.pos) !== 0x5b) return false;
  const found = MARK.exec(state.src.slice(state.pos, state.pos + 64));
  const notes = (state.env as { notes?: ReadonlySet<string> }).notes;
  if (found === null || notes?.has(found[1] ?? '') !== true) return false;
  if (!silent) state.push('footnote_mark', '', 0).content = found[1] ?? '';
  state.pos += found[0].length;
  return true;
};

const note: BlockRule = (state, startLine, endLine, silent) => {
  if ((state.sCount[startLine] ?? 0) - state.blkIndent >= 4) return false;
  const start = (state.bMarks[startLine] ?? 0) + (state.tShift[startLine] ?? 0);
  const found = NOTE.exec(state.src.slice(start, state.eMarks[startLine]));
  if (found === null) return false;
  if (silent) return true;

  const open = state.push('footnote_open', '', 1);
  open.content = found[1] ?? '';
  open.map = [startLine, startLine];
  // The note's own text begins behind its label; what follows belongs to it while it is indented.
  const before = {
    bMarks: state.bMarks[startLine] ?? 0,
    tShift: state.tShift[startLine] ?? 0,
    sCount: state.sCount[startLine] ?? 0,
    blkIndent: state.blkIndent,
  };
  state.bMarks[startLine] = start + found[0].length;
  state.tShift[startLine] = 0;
  state.sCount[startLine] = state.blkIndent + 4;
  state.blkIndent += 4;
  state.md.block.tokenize(state, startLine, endLine);
  state.bMarks[startLine] = before.bMarks;
  state.tShift[startLine] = before.tShift;
  state.sCount[startLine] = before.sCount;
  state.blkIndent = before.blkIndent;
  open.map[1] = state.line;
  state.push('footnote_close', '', -1);
  return true;
};
