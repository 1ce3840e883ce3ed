// Which conversation this tab shows: its own over a reload, else the one shown last in this browser, unless another
// tab has it open: two tabs that write one conversation would lose each other's messages.

const KEY = 'dure.chat';

// A reload may ask a moment before the page it replaces has let go.
const CLAIM_MS = 400;

export function tabConversation(): string | null {
  try {
    return sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

export function rememberTab(id: string): void {
  try {
    sessionStorage.setItem(KEY, id);
    localStorage.setItem(KEY, id);
  } catch {
    // Storage is switched off: a reload begins a new chat.
  }
}

/** Makes the conversation this tab's until the page is closed; false when another tab has it. */
export function claimConversation(id: string): Promise<boolean> {
  // The type does not say it, but there are no locks outside of https and localhost.
  const locks = navigator.locks as LockManager | undefined;
  if (locks === undefined) return Promise.resolve(true);
  return new Promise((resolve) => {
    const untilClosed = (): Promise<void> => {
      resolve(true);
      return new Promise(() => undefined);
    };
    locks
      .request(`${KEY}.${id}`, { signal: AbortSignal.timeout(CLAIM_MS) }, untilClosed)
      .catch(() => resolve(false));
  });
}
