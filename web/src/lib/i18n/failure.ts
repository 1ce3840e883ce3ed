import type { FailureKind } from '../chat/conversation';
import { t } from './catalogue.svelte';

/** What went wrong, in plain words. */
export function failureText(kind: FailureKind): string {
  const texts: Record<FailureKind, string> = {
    unreachable: t().failedUnreachable,
    loading: t().failedLoading,
    no_model: t().noModel,
    stopping: t().failedStopping,
    context_length: t().failedContext,
    busy: t().failedBusy,
    unauthorized: t().failedUnauthorized,
    rejected: t().failedRejected,
    server: t().failedServer,
  };
  return texts[kind];
}
