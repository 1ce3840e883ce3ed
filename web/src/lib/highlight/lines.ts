// Highlighted code as data: lines of pieces, each with the classes that colour it.
import type { Root, RootContent } from 'hast';

export interface Piece {
  readonly text: string;
  /** Class names of highlight.js, "" for plain text. */
  readonly classes: string;
}

export type Line = readonly Piece[];

/** Flattens the tree of lowlight into lines; no line holds a line feed. */
export function linesOf(root: Root): Line[] {
  const lines: Piece[][] = [[]];
  const visit = (nodes: readonly RootContent[], classes: string): void => {
    for (const node of nodes) {
      if (node.type === 'text') {
        node.value.split('\n').forEach((text, index) => {
          if (index > 0) lines.push([]);
          if (text !== '') lines.at(-1)?.push({ text, classes });
        });
      } else if (node.type === 'element') {
        const own = node.properties.className;
        visit(node.children, Array.isArray(own) ? own.join(' ') : classes);
      }
    }
  };
  visit(root.children, '');
  return lines;
}

export const plainLines = (text: string): Line[] =>
  text.split('\n').map((line) => (line === '' ? [] : [{ text: line, classes: '' }]));

/** `next`, with the very objects of `previous` for every line that reads the same. */
export function reuse(previous: readonly Line[], next: readonly Line[]): Line[] {
  return next.map((line, index) => {
    const before = previous[index];
    return before !== undefined && sameLine(before, line) ? before : line;
  });
}

function sameLine(a: Line, b: Line): boolean {
  return (
    a.length === b.length &&
    a.every((piece, at) => piece.text === b[at]?.text && piece.classes === b[at]?.classes)
  );
}
