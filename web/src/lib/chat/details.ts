// One line about how an answer was made.
import type { Message } from '../api/types';
import { number, t } from '../i18n/catalogue.svelte';

export function detailsOf({ model, usage, duration_ms }: Message): string {
  const tokens = usage?.completion_tokens ?? 0;
  const seconds = duration_ms / 1000;
  return [
    model,
    usage === null ? '' : t().tokensCount(tokens, number(tokens)),
    tokens > 0 && seconds > 0 ? t().tokensPerSecond(number(tokens / seconds, 1)) : '',
    seconds > 0 ? t().secondsShort(number(seconds, 1)) : '',
    usage === null ? '' : t().promptTokens(number(usage.prompt_tokens)),
  ]
    .filter(Boolean)
    .join(' · ');
}
