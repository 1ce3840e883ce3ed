// The server goes away, comes back, refuses: the page stays and says so.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import {
  answered, answers, ask, button, composer, CONNECTION_ERRORS, deterministic, finish, launch, open, questions,
} from './lib/browser.mjs';
import { Server } from './lib/server.mjs';

let server;
let browser;
before(async () => {
  server = await Server.start();
  browser = await launch();
});
afterEach(async () => {
  if (server.process.exitCode !== null || server.process.signalCode !== null) await server.run();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

test('a server killed in mid-answer: the part stays, the page says so, recovers, and tries again', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 1500);
  await composer(page).fill('Write a very long story about a mountain.');
  await composer(page).press('Enter');
  await page.waitForFunction(
    () => (document.querySelector('article[aria-label="Assistant"] .markdown')?.textContent.length ?? 0) > 60);
  await server.kill();

  const answer = await answered(page, 0);
  assert.match(await answer.getByRole('alert').innerText(), /connection to the server was lost/);
  const kept = await answer.locator('.markdown').innerText();
  assert.ok(kept.length > 60);
  await page.getByText('The server cannot be reached. Trying again…').waitFor();
  assert.ok(await button(page, 'Try again').isDisabled());
  await composer(page).fill('a draft meanwhile');
  await composer(page).press('Enter');
  assert.equal(await composer(page).inputValue(), 'a draft meanwhile');
  assert.equal(await questions(page).count(), 1);

  await server.run();
  await page.getByText('Connected again.').waitFor();
  assert.equal(await answer.locator('.markdown').innerText(), kept);
  assert.equal(await composer(page).inputValue(), 'a draft meanwhile');
  await page.unroute('**/v1/chat/completions');
  await deterministic(page, 30);
  await button(page, 'Try again').click();
  await page.getByText('2/2').waitFor(); // what had come stays as a version
  const again = await answered(page, 0);
  assert.equal(await answers(page).count(), 1);
  assert.equal(await again.getByRole('alert').count(), 0);
  await finish(page, CONNECTION_ERRORS);
});

test('a server killed while the page is idle is noticed, and its return too', async () => {
  const page = await open(browser, server.url, { locale: 'ko-KR' });
  await deterministic(page, 20);
  await ask(page, '안녕');
  await server.kill();
  await page.getByText('서버에 연결할 수 없습니다. 다시 연결하는 중…').waitFor();
  assert.equal((await questions(page).innerText()).trim(), '안녕');
  await server.run();
  await page.getByText('다시 연결되었습니다.').waitFor();
  await ask(page, '또 안녕');
  assert.equal(await questions(page).count(), 2);
  await finish(page, CONNECTION_ERRORS);
});

test('a chat that is too long says what to do', async () => {
  const page = await open(browser, server.url);
  await page.getByText('SmolLM2').waitFor();
  const answer = await ask(page, 'word '.repeat(12_000));
  const alert = answer.getByRole('alert');
  assert.match(await alert.innerText(), /longer than the model can read/);
  assert.match(await alert.innerText(), /\d{4,}/); // the numbers of the server
  await button(page, 'New chat').click();
  await page.getByRole('heading', { name: 'What shall we work on?' }).waitFor();
  await finish(page, /status of 400/);
});

// Loading takes a moment too short to be met by chance, so the two answers that tell of it are held.
test('a model that is still loading is shown with its progress', async () => {
  const page = await open(browser, server.url);
  await page.getByText('SmolLM2').waitFor();
  await page.route('**/ready', (route) => route.fulfill({ status: 503, body: '{"status":"loading"}' }));
  await page.route('**/api/app/info', (route) =>
    route.fulfill({ json: { status: 'loading', loading: { bytes_done: 40, bytes_total: 100 }, error: null } }),
  );
  await page.reload();
  await page.getByText('The model is being loaded… 40%').waitFor();
  await composer(page).fill('hello');
  assert.ok(await button(page, 'Send').isDisabled());
  await page.unroute('**/ready');
  await page.unroute('**/api/app/info');
  await page.getByText('The model is being loaded').waitFor({ state: 'detached' });
  await button(page, 'Send').and(page.locator(':enabled')).waitFor();
  await finish(page, /status of 503/);
});
