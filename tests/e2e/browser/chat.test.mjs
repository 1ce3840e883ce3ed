// The chat itself: send, stream, stop, new chat, reload, speed, copying.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import {
  answer, answered, answers, ask, button, composer, deterministic, finish, launch, open, question,
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
  const reply = await ask(page, 'Why is the sky blue?');
  assert.equal((await questions(page).innerText()).trim(), 'Why is the sky blue?');
  assert.match(await reply.innerText(), /sky|light/i);
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

test('an answer is generated again, and both versions stay', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 24);
  await ask(page, 'Name a colour.');
  await button(page, 'Regenerate').click();
  await page.getByText('2/2').waitFor();
  await answered(page, 0);
  assert.equal(await answers(page).count(), 1);
  await button(page, 'Previous version').click();
  await page.getByText('1/2').waitFor();
  await page.reload();
  await page.getByText('1/2').waitFor();
  await finish(page);
});

test('a question is edited as a branch: by its button, and by arrow-up in the empty field', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 20);
  await ask(page, 'Say one.');
  await ask(page, 'Say two.');
  await composer(page).press('ArrowUp');
  const field = page.getByRole('textbox', { name: 'Edit the message' });
  assert.equal(await field.inputValue(), 'Say two.');
  await field.press('Escape');
  await questions(page).first().hover();
  await questions(page).first().getByRole('button', { name: 'Edit' }).click();
  await field.fill('Say three.');
  await field.press('Enter');
  await page.getByText('2/2').waitFor();
  await answered(page, 0);
  assert.equal(await questions(page).count(), 1);
  await button(page, 'Previous version').click();
  await page.getByRole('article').getByText('Say two.').waitFor();
  assert.equal(await questions(page).count(), 2);
  await finish(page);
});

test('a reload keeps the conversation, and the next question knows it', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 30);
  const before = await (await ask(page, 'My name is Minji.')).innerText();
  await page.reload();
  await answers(page).first().waitFor();
  assert.equal((await answers(page).innerText()).trim(), before.trim());
  assert.equal((await questions(page).innerText()).trim(), 'My name is Minji.');

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

test('chats are listed, found by their words, renamed, pinned, archived', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 16);
  const list = page.getByRole('navigation', { name: 'Chats' });
  const act = async (chat, action) => {
    await list.getByRole('link', { name: chat }).hover();
    await button(page, `Actions for ${chat}`).click();
    await page.getByRole('menuitem', { name: action }).click();
  };
  await ask(page, '부산 여행 계획을 세워 줘');
  await button(page, 'New chat').click();
  await ask(page, 'Explain photosynthesis.');
  await page.getByRole('searchbox', { name: 'Search chats' }).fill('여행');
  assert.equal(await list.locator('mark').first().innerText(), '여행');
  await list.getByRole('link').first().click();
  await questions(page).getByText('부산 여행').waitFor();
  await page.getByRole('searchbox').fill('');
  await act('Explain photosynthesis.', 'Rename');
  await page.getByRole('textbox', { name: 'Title of the chat' }).fill('Plants');
  await page.keyboard.press('Enter');
  await act('Plants', 'Pin');
  await list.getByRole('heading', { name: 'Pinned' }).waitFor();
  await act('Plants', 'Archive');
  await list.getByRole('link', { name: 'Plants' }).waitFor({ state: 'detached' });
  await page.reload();
  await list.getByRole('link').first().waitFor();
  assert.deepEqual((await list.getByRole('link').allInnerTexts()).map((text) => text.trim()), ['부산 여행 계획을 세워 줘']);
  await finish(page);
});

test('a deleted chat can be taken back for a while, then it is gone', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 16);
  await ask(page, 'Hello there.');
  const link = page.getByRole('link', { name: 'Hello there.' });
  const remove = async () => {
    await link.hover();
    await button(page, 'Actions for Hello there.').click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await link.waitFor({ state: 'detached' });
  };
  await remove();
  await button(page, 'Undo').click();
  await link.click();
  await answers(page).first().waitFor();
  await remove();
  await button(page, 'Dismiss').click();
  await page.reload();
  await page.getByText('No chats yet.').waitFor();
  await finish(page);
});

test('a temporary chat leaves nothing behind', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 16);
  await page.getByText(MODEL_NAME).waitFor();
  await button(page, 'Temporary chat').click();
  await ask(page, 'A secret.');
  await ask(page, 'Another one.');
  await composer(page).fill('a draft');
  await page.reload();
  await page.getByText('No chats yet.').waitFor();
  assert.equal(await composer(page).inputValue(), '');
  assert.equal(await page.getByText('secret').count(), 0);
  await finish(page);
});

test('each chat has its draft', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 16);
  await ask(page, 'First.');
  await composer(page).fill('for the first');
  await button(page, 'New chat').click();
  assert.equal(await composer(page).inputValue(), '');
  await composer(page).fill('for a new one');
  await page.getByRole('link', { name: 'First.' }).click();
  await answers(page).first().waitFor();
  assert.equal(await composer(page).inputValue(), 'for the first');
  await button(page, 'New chat').click();
  assert.equal(await composer(page).inputValue(), 'for a new one');
  await finish(page);
});

test('a long chat opens at its end, and all of it can be found in the page', async () => {
  const page = await open(browser, server.url);
  const text = (index) => `Message ${index}.\n\n\`\`\`js\nconst x = ${index};\n\`\`\``;
  const long = Array.from({ length: 1000 }, (_, index) => (index % 2 ? answer : question)(`m${index}`, text(index)));
  await restoreConversation(page, long);
  await page.getByText('Message 999.').waitFor();
  await page.waitForFunction(() => document.querySelectorAll('article').length === 1000);
  await page.waitForFunction(() => innerHeight + scrollY > document.documentElement.scrollHeight - 100);
  assert.ok((await page.locator('.markdown').count()) < 100, 'what is far away is not drawn yet');
  await page.evaluate(() => document.querySelector('[data-message="m1"]').scrollIntoView());
  await page.locator('[data-message="m1"] .markdown').waitFor();
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
  await page.getByRole('checkbox', { name: 'Show speed under answers' }).click();
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
    await restoreConversation(page, [question('q', 'x'), answer('a', MARKDOWN)]);
    await answers(page).getByRole('button', { name: 'Copy' }).click();
    await answers(page).getByText('Copied').waitFor();
    await composer(page).focus();
    await page.keyboard.press('Control+V');
    assert.equal(await composer(page).inputValue(), MARKDOWN);
    await finish(page, /Cross-Origin-Opener-Policy header has been ignored/);
  }
});

test('what is typed while an answer comes stays, also in a chat that is being made', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 60);
  await composer(page).fill('Say hello.');
  await composer(page).press('Enter');
  await composer(page).pressSequentially('and then', { delay: 5 });
  await answered(page, 0);
  assert.equal(await composer(page).inputValue(), 'and then');
  await page.reload();
  await answers(page).first().waitFor();
  assert.equal(await composer(page).inputValue(), 'and then');
  await finish(page);
});
