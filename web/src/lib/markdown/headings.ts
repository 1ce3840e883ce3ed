import type { Block } from './nodes';

/**
 * The element for the heading at each place: an answer stands under the page's h1, so its own headings begin with h2
 * and never skip a level, however the model chose them.
 */
export function headingElements(blocks: readonly Block[]): Record<number, string> {
  const elements: Record<number, string> = {};
  const open: number[] = []; // Markdown levels of the headings that enclose the next one
  blocks.forEach((block, index) => {
    if (block.type !== 'heading') return;
    while (open.length > 0 && (open.at(-1) ?? 0) >= block.level) open.pop();
    open.push(block.level);
    elements[index] = `h${Math.min(6, open.length + 1)}`;
  });
  return elements;
}
