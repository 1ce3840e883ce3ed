// The catalogue in the language that is set now: `t().send`, `t().loadingShare('40%')`. Reactive.
import { settings } from '../settings.svelte';
import { en } from './en';
import { ko } from './ko';
import type { Language } from './language';

/** The shape of English; a language that misses a key or changes a parameter does not compile. */
export type Catalogue = {
  readonly [Key in keyof typeof en]: (typeof en)[Key] extends (...values: infer Values) => string
    ? (...values: Values) => string
    : string;
};

export const catalogues: Readonly<Record<Language, Catalogue>> = { en, ko };

/** The languages by their own names. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { en: 'English', ko: '한국어' };

export const t = (): Catalogue => catalogues[settings.language];

/** 12.3 or 1,234 as the language writes it. */
export function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(settings.language, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);
}

export function percent(share: number): string {
  return new Intl.NumberFormat(settings.language, { style: 'percent' }).format(share);
}
