// Formulas for markdown-it: $…$ and \(…\) in a line, $$…$$ and \[…\] displayed.
//
// A dollar sign is usually money. As in Pandoc, "$" opens a formula only before something other than white space and
// closes it only after such and not before a digit. A displayed formula ends at its delimiter and never contains an
// empty line (TeX does not allow one either), so that a stray "$$" cannot swallow the rest of an answer.
import type { MarkdownIt, StateBlock, StateInline } from 'markdown-it';

type InlineRule = (state: StateInline, silent: boolean) => boolean;
type BlockRule = (state: StateBlock, startLine: number, endLine: number, silent: boolean) => boolean;

const DISPLAYED: readonly (readonly [string, string])[] = [
  ['$$', '$$'],
  ['\\[', '\\]'],
];
const MAX_CHARACTERS = 10_000;

export function math(parser: MarkdownIt): void {
  parser.inline.ruler.before('escape', 'math_inline', inlineMath);
  parser.block.ruler.before('fence', 'math_block', blockMath, {
    alt: ['paragraph', 'reference', 'blockquote', 'list'],
  });
}

const inlineMath: InlineRule = (state, silent) => {
  const found =
    delimited(state.src, state.pos, state.posMax, '$$', '$$', true) ??
    delimited(state.src, state.pos, state.posMax, '\\[', '\\]', true) ??
    delimited(state.src, state.pos, state.posMax, '\\(', '\\)', false) ??
    dollars(state.src, state.pos, state.posMax);
  if (found === null) return false;
  if (!silent) {
    const token = state.push('math', 'math', 0);
    token.content = found.tex;
    token.meta = { display: found.display };
  }
  state.pos = found.end;
  return true;
};

interface Found {
  readonly tex: string;
  readonly end: number;
  readonly display: boolean;
}

function delimited(
  text: string,
  at: number,
  max: number,
  open: string,
  close: string,
  display: boolean,
): Found | null {
  if (!text.startsWith(open, at)) return null;
  const from = at + open.length;
  const to = text.indexOf(close, from);
  if (to < 0 || to + close.length > max || to - from > MAX_CHARACTERS) return null;
  const tex = text.slice(from, to).trim();
  return tex === '' ? null : { tex, end: to + close.length, display };
}

function dollars(text: string, at: number, max: number): Found | null {
  if (text[at] !== '$' || text[at + 1] === '$' || /\s/.test(text[at + 1] ?? ' ')) return null;
  const limit = Math.min(max, at + MAX_CHARACTERS);
  for (let to = at + 1; to < limit; to++) {
    if (text[to] === '\\') to++;
    else if (text[to] === '$') {
      if (/\s/.test(text[to - 1] ?? '') || /\d/.test(text[to + 1] ?? '')) return null;
      return { tex: text.slice(at + 1, to), end: to + 1, display: false };
    }
  }
  return null;
}

const blockMath: BlockRule = (state, startLine, endLine, silent) => {
  if ((state.sCount[startLine] ?? 0) - state.blkIndent >= 4) return false;
  const lineAt = (line: number): string =>
    state.src.slice((state.bMarks[line] ?? 0) + (state.tShift[line] ?? 0), state.eMarks[line]);
  const first = lineAt(startLine);
  const pair = DISPLAYED.find(([open]) => first.startsWith(open));
  if (pair === undefined) return false;
  const [open, close] = pair;

  const lines = [first.slice(open.length)];
  let line = startLine;
  while (!lines.at(-1)?.includes(close)) {
    line++;
    // Not closed so far: what follows may still belong to it, so nothing else is made of it.
    if (line >= endLine) return silent || openMath(state, startLine, line);
    if ((state.sCount[line] ?? 0) < state.blkIndent) return false;
    const text = lineAt(line);
    if (text.trim() === '') return false;
    lines.push(text);
  }
  const last = lines.at(-1) ?? '';
  const at = last.indexOf(close);
  if (last.slice(at + close.length).trim() !== '') return false; // text goes on: a paragraph with a formula in it
  lines[lines.length - 1] = last.slice(0, at);
  const tex = lines.join('\n').trim();
  if (tex === '' || tex.length > MAX_CHARACTERS) return false;
  if (silent) return true;
  state.line = line + 1;
  const token = state.push('math_block', 'math', 0);
  token.block = true;
  token.content = tex;
  token.map = [startLine, state.line];
  return true;
};

function openMath(state: StateBlock, startLine: number, endLine: number): boolean {
  state.line = endLine;
  const token = state.push('math_open', '', 0);
  token.block = true;
  token.content = state.getLines(startLine, endLine, state.blkIndent, false);
  token.map = [startLine, endLine];
  return true;
}
