// Prompts of the library: "/name" in the composer, {{variables}} in their text.
import type { Prompt } from '../api/types';

/** The prompts that "/na" may mean; none where the text is no such beginning. */
export function matching(prompts: readonly Prompt[], text: string): readonly Prompt[] {
  const typed = /^\/(\S*)$/.exec(text)?.[1]?.toLowerCase();
  if (typed === undefined) return [];
  const rank = ({ name }: Prompt): number => name.toLowerCase().indexOf(typed);
  return prompts.filter((prompt) => rank(prompt) >= 0).sort((a, b) => rank(a) - rank(b)).slice(0, 20);
}

const VARIABLE = /\{\{\s*([^{}]{1,60}?)\s*\}\}/g;

/** The names of the variables, each once, in the order of the text. */
export function variablesOf(text: string): string[] {
  return [...new Set(Array.from(text.matchAll(VARIABLE), ([, name = '']) => name))];
}

export function filled(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(VARIABLE, (whole, name: string) => values[name] ?? whole);
}
