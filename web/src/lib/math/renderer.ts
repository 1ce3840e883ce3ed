// KaTeX with its style sheet and fonts: a chunk of its own, loaded when the first formula appears.
import katex from 'katex';
import 'katex/dist/katex.min.css';

/** Draws the formula into `element`; throws what KaTeX makes of a formula that it cannot read. */
export function draw(tex: string, display: boolean, element: HTMLElement): void {
  // Elements and CSSOM only: the page's policy forbids style attributes. The two macros replace commands whose
  // MathML would carry one.
  katex.render(tex, element, {
    displayMode: display,
    throwOnError: true,
    strict: 'ignore',
    trust: false,
    maxSize: 20,
    maxExpand: 500,
    macros: { '\\pmb': '\\boldsymbol{#1}', '\\fcolorbox': '\\boxed{#3}' },
  });
}
