import type { FailureKind } from '../api/failure';
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
    quota: t().failedQuota,
    missing: t().failedMissing,
    conflict: t().failedConflict,
    too_large: t().failedTooLarge,
    unsupported_file: t().failedFile,
    interrupted: t().interrupted,
    storage: t().failedStorage,
    rejected: t().failedRejected,
    server: t().failedServer,
  };
  return texts[kind];
}
