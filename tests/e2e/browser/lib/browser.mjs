// Debian's Chromium, and a page that notices everything that must not happen.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

// The packages are installed for the web app; this folder has none of its own.
const require = createRequire(new URL('../../../../web/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export const CHROMIUM = process.env.DURE_CHROMIUM || '/usr/bin/chromium';

export const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };

export function launch(extra = []) {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', ...extra,
    ],
  });
}

/**
 * Opens the app in a fresh profile. `page.faults` collects console errors, uncaught errors, violations of the CSP and
 * requests to any other host; closing through `finish` asserts that there were none but those `expected` matches.
 */
export async function open(browser, url, options = {}) {
  const page = await openAt(browser, url, options);
  await composer(page).waitFor();
  return page;
}

/** The same at any path, whatever page that shows. */
export async function openAt(browser, url, options = {}, path = '') {
  const context = await browser.newContext({ locale: 'en-US', colorScheme: 'light', ...options });
  const page = await context.newPage();
  page.faults = [];
  const fault = (text) => page.faults.push(text);
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') fault(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => fault(`uncaught: ${error.message}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !/^(data|blob):/.test(request.url())) fault(`request: ${request.url()}`);
  });
  await page.exposeFunction('reportViolation', (text) => fault(`policy: ${text}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) =>
      window.reportViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`),
    );
  });
  await page.goto(url + path);
  return page;
}

export async function finish(page, expected = /^$/) {
  const faults = page.faults.filter((text) => !expected.test(text));
  await page.context().close();
  assert.deepEqual(faults, []);
}

/** What the browser itself logs while the server is away and while it starts. */
export const CONNECTION_ERRORS =
  /net::ERR_(CONNECTION_(REFUSED|RESET|CLOSED)|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING)|status of 503/;

export const composer = (page) => page.getByRole('textbox', { name: /^(Message|메시지)$/ });
export const questions = (page) => page.getByRole('article', { name: /^(You|나)$/ });
export const answers = (page) => page.getByRole('article', { name: /^(Assistant|어시스턴트)$/ });
export const button = (page, name) => page.getByRole('button', { name, exact: true });

/** Sends a message and waits for the end of its answer, which it returns. */
export async function ask(page, text) {
  const count = await answers(page).count();
  await composer(page).fill(text);
  await composer(page).press('Enter');
  return answered(page, count);
}

/** The answer at this place, once it has ended. */
export async function answered(page, index) {
  const answer = answers(page).nth(index);
  await answer.and(page.locator('[aria-busy="false"]')).waitFor({ timeout: 90_000 });
  return answer;
}

/** Every finding of axe on the page as it is, best practices included. */
export async function accessibilityFindings(page) {
  // The policy of the page forbids scripts from elsewhere; the protocol's evaluation is exempt.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
}

/** Fixes the sampling of every request, so that the model's answers are the same in every run. */
export async function deterministic(page, maxTokens = 200) {
  await page.route('**/v1/chat/completions', (route, request) =>
    route.continue({
      postData: JSON.stringify({ ...request.postDataJSON(), temperature: 0, seed: 1, max_tokens: maxTokens }),
    }),
  );
}

/** Puts a conversation into the page's storage as the app itself would, and opens it. */
export async function restoreConversation(page, messages) {
  const id = await page.evaluate(async (stored) => {
    const names = () => indexedDB.databases().then((all) => all.map(({ name }) => name));
    let name;
    while ((name = (await names()).find((each) => each.startsWith('dure.chats.'))) === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const database = await new Promise((resolve, reject) => {
      const request = indexedDB.open(name);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    const transaction = database.transaction(['conversations', 'messages'], 'readwrite');
    const conversation = `conv_${Math.random().toString(36).slice(2)}`;
    const leaf = stored.at(-1).id;
    transaction.objectStore('conversations').put({
      id: conversation, title: 'Restored', project_id: null, assistant_id: null, model: '', instructions: '',
      sampling: {}, pinned: false, archived: false, active_leaf: leaf, messages: stored.length, answering: [],
      created_ms: 1, updated_ms: Date.now(),
    });
    stored.forEach((message, index) =>
      transaction.objectStore('messages').put({
        ...message, conversation_id: conversation, parent_id: stored[index - 1]?.id ?? null, created_ms: index,
      }),
    );
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onerror = () => reject(transaction.error);
    });
    database.close();
    return conversation;
  }, messages);
  await page.goto(new URL(`/c/${id}`, page.url()).href);
  await answers(page).last().waitFor();
}

const message = (role, id, content) => ({
  role, id, content, reasoning: '', siblings: [id], status: 'complete', error: null, finish_reason: null,
  model: role === 'user' ? '' : 'm', not_sent_until: null, context: null, usage: null, duration_ms: 0, reasoning_ms: 0,
  attachments: [], last_event: 0,
});
export const question = (id, text) => message('user', id, text);
export const answer = (id, text) => message('assistant', id, text);
