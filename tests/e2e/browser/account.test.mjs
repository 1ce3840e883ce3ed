// Signing in and out, and the page that makes the first account.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import {
  accessibilityFindings, answers, ask, button, composer, deterministic, finish, launch, openAt, questions,
} from './lib/browser.mjs';
import { binary, MODEL_NAME, Server } from './lib/server.mjs';

const PASSWORD = 'correct horse battery';
// What the browser logs for a 401, and for the requests that end with the sign-out.
const REFUSED = /status of (401|403)/;

let browser;
let server;
before(async () => {
  const data = mkdtempSync(join(tmpdir(), 'dure-e2e-'));
  const added = spawnSync(binary(), ['user', 'add', '김두레', '--admin', '--password-stdin', '--data', data], {
    input: `${PASSWORD}\n`,
  });
  assert.equal(added.status, 0, String(added.stderr));
  server = await Server.start(undefined, { data });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const nameField = (page) => page.getByRole('textbox', { name: /^(Name|이름)$/ });
const passwordField = (page) => page.getByLabel(/^(Password|비밀번호)$/);

async function signIn(page, password = PASSWORD) {
  await nameField(page).fill('김두레');
  await passwordField(page).fill(password);
  await passwordField(page).press('Enter');
}

for (const locale of ['en-US', 'ko-KR']) {
  for (const colorScheme of ['light', 'dark']) {
    test(`axe finds nothing on the sign-in page: ${locale}, ${colorScheme}`, async () => {
      const page = await openAt(browser, server.url, { locale, colorScheme });
      await nameField(page).waitFor();
      assert.deepEqual(await accessibilityFindings(page), []);
      await signIn(page, 'a wrong password');
      await page.getByRole('alert').filter({ hasText: /\S/ }).waitFor();
      assert.deepEqual(await accessibilityFindings(page), []);
      await finish(page, REFUSED);
    });
  }
}

test('whoever signs in can chat, stays signed in after a reload, and signs out', async () => {
  const page = await openAt(browser, server.url);
  await deterministic(page, 20);
  await signIn(page);
  await composer(page).waitFor();
  await ask(page, 'Say hello.');
  await page.reload();
  await answers(page).first().waitFor();
  assert.equal((await questions(page).innerText()).trim(), 'Say hello.', 'the chat is back');
  await page.getByRole('link', { name: 'Say hello.' }).waitFor();
  await button(page, '김두레').click();
  await page.getByRole('menuitem', { name: 'Sign out 김두레' }).click();
  await nameField(page).waitFor();
  assert.equal(await page.getByText('Say hello.').count(), 0, 'nothing stays for the next person');
  await page.reload();
  await nameField(page).waitFor();
  await signIn(page);
  await page.getByText('No chats yet.').waitFor();
  await finish(page, REFUSED);
});

test('an administrator sees users, keys, usage and the server; each page passes axe', async () => {
  const page = await openAt(browser, server.url);
  await signIn(page);
  await composer(page).waitFor();
  await button(page, '김두레').click();
  await page.getByRole('menuitem', { name: 'Administration' }).click();
  await page.getByRole('heading', { name: 'Administration' }).waitFor();
  const part = (name) => page.getByRole('navigation', { name: 'Administration' }).getByRole('link', { name }).click();
  await page.getByRole('rowheader', { name: MODEL_NAME }).waitFor();
  assert.deepEqual(await accessibilityFindings(page), [], 'server');
  await part('Users');
  await page.getByRole('textbox', { name: 'Name' }).fill('minji');
  await page.getByLabel('Password').fill(PASSWORD);
  await button(page, 'Create the user').click();
  await button(page, 'Actions for minji').waitFor();
  assert.deepEqual(await accessibilityFindings(page), [], 'users');
  await button(page, 'Actions for minji').click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
  await button(page, 'Actions for minji').waitFor({ state: 'detached' });
  await part('Usage');
  await page.getByRole('figure').waitFor();
  assert.deepEqual(await accessibilityFindings(page), [], 'usage');
  await part('API keys');
  await page.getByText('There are no keys.').waitFor();
  await button(page, 'Settings').click();
  await page.getByRole('tab', { name: 'Account' }).click();
  await page.getByText('This device').waitFor();
  await page.getByRole('textbox', { name: 'Name of the key' }).fill('my program');
  await button(page, 'Create a key').click();
  await page.getByText('Copy the key now').waitFor();
  assert.deepEqual(await accessibilityFindings(page), [], 'account');
  await finish(page, REFUSED);
});

test('the first account is made at the printed address', async () => {
  const fresh = await Server.start(undefined, { options: ['--setup'] });
  try {
    const lost = await openAt(browser, fresh.url);
    await lost.getByText('no administrator yet').waitFor();
    await finish(lost, REFUSED);
    await fresh.printed(/setup#(\w+)/);
    const page = await openAt(browser, fresh.url, {}, (await fresh.printed(/(setup#\w+)/))[1]);
    await nameField(page).fill('me');
    await passwordField(page).fill(PASSWORD);
    assert.deepEqual(await accessibilityFindings(page), []);
    await button(page, 'Make the account').click();
    await composer(page).waitFor();
    assert.equal(new URL(page.url()).hash, '', 'the token is gone from the address');
    await finish(page, REFUSED);
  } finally {
    await fresh.close();
  }
});
