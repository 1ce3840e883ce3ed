// Which conversation this tab shows: its own over a reload, else the one shown last in this browser.

const KEY = 'dure.chat';

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
