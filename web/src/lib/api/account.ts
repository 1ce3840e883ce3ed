// Signing in and out, and the first account: docs/api.md.

/** What came of it, as far as the page tells people apart. */
export type SignInOutcome = 'done' | 'wrong' | 'too_many' | 'denied' | 'failed';

/** Never throws. */
export function signIn(name: string, password: string): Promise<SignInOutcome> {
  return post('/api/login', { name, password });
}

/** Makes the first administrator and signs it in. Never throws. */
export function setUp(token: string, name: string, password: string): Promise<SignInOutcome> {
  return post('/api/setup', { token, name, password });
}

/** Never throws. */
export async function signOut(): Promise<void> {
  await post('/api/logout', {});
}

async function post(url: string, body: unknown): Promise<SignInOutcome> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return outcomeOf(response.status);
  } catch {
    return 'failed';
  }
}

export function outcomeOf(status: number): SignInOutcome {
  if (status >= 200 && status < 300) return 'done';
  if (status === 401) return 'wrong';
  if (status === 403) return 'denied';
  return status === 429 ? 'too_many' : 'failed';
}
