// The chat itself: send, stream, stop, new chat, reload, speed, copying.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import {
  answer as savedAnswer, answered, answers, ask, button, composer, deterministic, finish, launch, open, question,
  questions, restoreConversation,
} from './lib/browser.mjs';
import { FOREIGN_NAME, MODEL_NAME, Server } from './lib/server.mjs';

let server;
let browser;
before(async () => {
  server = await Server.start();
  browser = await launch([`--host-resolver-rules=MAP ${FOREIGN_NAME} 127.0.0.1`]);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

test('a message is sent and its answer streams in', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 60);
  await page.getByText(MODEL_NAME).waitFor();

  // The states that the answer passes through, as the page shows them.
  await page.evaluate(() => {
    window.lengths = [];
    new MutationObserver(() => {
      const text = document.querySelector('article[aria-label="Assistant"] .markdown')?.textContent ?? '';
      if (text.length !== window.lengths.at(-1)) window.lengths.push(text.length);
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  const answer = await ask(page, 'Why is the sky blue?');
  assert.equal(await questions(page).innerText(), 'Why is the sky blue?');
  assert.match(await answer.innerText(), /sky|light/i);
  const lengths = await page.evaluate(() => window.lengths);
  assert.ok(lengths.length > 5, `it came in ${lengths.length} steps`);
  assert.deepEqual(lengths, lengths.toSorted((a, b) => a - b), 'it only grows');

  assert.equal(await composer(page).inputValue(), '');
  assert.ok(await composer(page).evaluate((field) => field === document.activeElement), 'the focus stays');
  await finish(page);
});

test('one polite status tells of the answer, not its words', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 30);
  await page.evaluate(() => {
    window.statuses = [];
    const status = document.querySelector('[aria-live="polite"]');
    new MutationObserver(() => window.statuses.push(status.textContent)).observe(status, {
      subtree: true, childList: true, characterData: true,
    });
  });
  await ask(page, 'Say hello.');
  await page.waitForFunction(() => window.statuses.at(-1) === 'Done');
  assert.deepEqual(await page.evaluate(() => window.statuses), ['Answering', 'Done']);
  await finish(page);
});

test('Stop and Escape keep what has come', async () => {
  for (const stop of [(page) => button(page, 'Stop').click(), (page) => page.keyboard.press('Escape')]) {
    // A page each: what a small model says after an answer cut off somewhere may be short.
    const page = await open(browser, server.url);
    await deterministic(page, 1500);
    await composer(page).fill('Write a very long story about the sea.');
    await button(page, 'Send').click();
    await answers(page).locator('.markdown').waitFor();
    await page.waitForFunction(
      () => document.querySelector('article[aria-label="Assistant"]').textContent.length > 40);
    await stop(page);
    const answer = await answered(page, 0);
    assert.match(await answer.innerText(), /You stopped this answer\./);
    assert.ok((await answer.innerText()).length > 60);
    assert.ok(await composer(page).evaluate((field) => field === document.activeElement));
    await button(page, 'Send').waitFor();
    await finish(page);
  }
});

test('the last answer that was stopped can be tried again', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 40);
  await composer(page).fill('Count from one to ten.');
  await composer(page).press('Enter');
  await button(page, 'Stop').click();
  await answered(page, 0);
  await button(page, 'Try again').click();
  const answer = await answered(page, 0);
  assert.equal(await answers(page).count(), 1);
  assert.equal(await questions(page).count(), 1);
  assert.doesNotMatch(await answer.innerText(), /You stopped/);
  await finish(page);
});

test('a reload keeps the conversation, and the next question knows it', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 30);
  const before = await (await ask(page, 'My name is Minji.')).innerText();
  await page.reload();
  await answers(page).first().waitFor();
  assert.equal((await answers(page).innerText()).trim(), before.trim());
  assert.equal(await questions(page).innerText(), 'My name is Minji.');

  const asked = page.waitForRequest('**/v1/chat/completions');
  await ask(page, 'What is my name?');
  const { messages } = (await asked).postDataJSON();
  assert.deepEqual(messages.map(({ role }) => role), ['user', 'assistant', 'user']);
  await finish(page);
});

test('a reload in mid-answer keeps the part that came and offers another try', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 1500);
  await composer(page).fill('Write a very long story about a river.');
  await composer(page).press('Enter');
  await page.waitForFunction(
    () => (document.querySelector('article[aria-label="Assistant"] .markdown')?.textContent.length ?? 0) > 200);
  await page.reload();
  const answer = await answered(page, 0);
  assert.match(await answer.innerText(), /cut short/);
  assert.ok((await answer.locator('.markdown').innerText()).length > 50);
  await button(page, 'Try again').waitFor();
  await finish(page, /net::ERR_ABORTED/);
});

test('a second tab has a chat of its own, and a new one finds the last chat when no tab has it', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 20);
  await ask(page, 'First tab.');
  const second = await page.context().newPage();
  await second.goto(server.url);
  await second.getByRole('heading', { name: 'What shall we work on?' }).waitFor();
  await second.close();
  await page.evaluate(() => localStorage.setItem('dure.chat', sessionStorage.getItem('dure.chat')));
  const context = page.context();
  await page.close();
  const third = await context.newPage();
  await third.goto(server.url);
  assert.equal(await questions(third).innerText(), 'First tab.');
  await finish(page);
});

test('New chat empties the page and can be taken back', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 20);
  await ask(page, 'Hello there.');
  await button(page, 'New chat').click();
  await page.getByRole('heading', { name: 'What shall we work on?' }).waitFor();
  assert.equal(await questions(page).count(), 0);
  await button(page, 'Undo').click();
  assert.equal(await questions(page).innerText(), 'Hello there.');
  await button(page, 'New chat').click();
  await page.reload();
  await page.getByRole('heading', { name: 'What shall we work on?' }).waitFor();
  assert.equal(await questions(page).count(), 0);
  await finish(page);
});

test('a draft survives a reload, Shift+Enter breaks the line, the field grows', async () => {
  const page = await open(browser, server.url);
  await composer(page).pressSequentially('one');
  const { height: single } = await composer(page).boundingBox();
  await composer(page).press('Shift+Enter');
  await composer(page).pressSequentially('two');
  assert.equal(await composer(page).inputValue(), 'one\ntwo');
  assert.ok((await composer(page).boundingBox()).height > single + 10);
  assert.equal(await questions(page).count(), 0);
  await page.reload();
  assert.equal(await composer(page).inputValue(), 'one\ntwo');
  await finish(page);
});

test('speed is shown on demand', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 30);
  const answer = await ask(page, 'Name three fruits.');
  assert.doesNotMatch(await answer.innerText(), /tokens\/s/);
  await button(page, 'Settings').click();
  await page.getByRole('menuitemcheckbox', { name: 'Show speed under answers' }).click();
  await page.keyboard.press('Escape');
  assert.match(await answer.innerText(), /\d+ tokens · [\d.,]+ tokens\/s/);
  await finish(page);
});

const MARKDOWN = '**굵게**, `code`\n\n- one\n- two';

test('an answer is copied as Markdown, also over plain HTTP', async () => {
  const plain = `http://${FOREIGN_NAME}:${server.port}/`;
  for (const url of [server.url, plain]) {
    const page = await open(browser, url, url === plain ? {} : { permissions: ['clipboard-read', 'clipboard-write'] });
    assert.equal(await page.evaluate(() => isSecureContext), url !== plain);
    await restoreConversation(page, [question('q', 'x'), savedAnswer('a', MARKDOWN)]);
    await answers(page).getByRole('button', { name: 'Copy' }).click();
    await answers(page).getByText('Copied').waitFor();
    await composer(page).focus();
    await page.keyboard.press('Control+V');
    assert.equal(await composer(page).inputValue(), MARKDOWN);
    await finish(page, /Cross-Origin-Opener-Policy header has been ignored/);
  }
});
