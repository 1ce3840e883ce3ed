// Unsent messages, one for each chat, kept in this browser.
import type { Attachment } from '../api/types';

export interface Draft {
  readonly text: string;
  readonly attachments: readonly Attachment[];
}

export const EMPTY_DRAFT: Draft = { text: '', attachments: [] };

const PREFIX = 'dure.draft.';
const MOST = 100;

export function readDraft(chat: string): Draft {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(PREFIX + chat) ?? 'null');
    const { text, attachments } = (stored ?? {}) as { text?: unknown; attachments?: unknown };
    return {
      text: typeof text === 'string' ? text : '',
      attachments: Array.isArray(attachments) ? (attachments as Attachment[]) : [],
    };
  } catch {
    return EMPTY_DRAFT;
  }
}

export function keepDraft(chat: string, draft: Draft): void {
  try {
    const empty = draft.text === '' && draft.attachments.length === 0;
    if (empty) localStorage.removeItem(PREFIX + chat);
    else localStorage.setItem(PREFIX + chat, JSON.stringify({ ...draft, at: Date.now() }));
    if (!empty) dropOldest();
  } catch {
    // Storage is full or switched off: the draft lives as long as the page.
  }
}

/** Nothing stays for the next person. */
export function forgetDrafts(): void {
  try {
    for (const key of draftKeys()) localStorage.removeItem(key);
  } catch {
    // Nothing was kept.
  }
}

const draftKeys = (): string[] => Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));

function dropOldest(): void {
  const keys = draftKeys();
  if (keys.length <= MOST) return;
  const age = (key: string): number => {
    const { at } = JSON.parse(localStorage.getItem(key) ?? '{}') as { at?: number };
    return at ?? 0;
  };
  keys.sort((a, b) => age(a) - age(b));
  for (const key of keys.slice(0, keys.length - MOST)) localStorage.removeItem(key);
}
