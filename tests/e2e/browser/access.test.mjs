// For everyone: axe finds nothing, the keyboard reaches all, themes and phones.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import {
  accessibilityFindings, answer, answered, button, composer, deterministic, finish, launch, open, PHONE, question,
  questions, restoreConversation,
} from './lib/browser.mjs';
import { Server } from './lib/server.mjs';

let server;
let browser;
before(async () => {
  server = await Server.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const RICH =
  '# Title\n\n### Skipped a level\n\nText with `code`, **bold** and [a link](https://example.org).\n\n' +
  '```python\n@decorator\ndef f(x: int) -> str:\n    """doc"""\n    return f"{x!r} {1.5}"  # note\nclass A(B): pass\n```\n\n' +
  '```js\nconst re = /x+/g, t = `a${1}`; // js\nfunction g() { return new Map([["k", null]]); }\n```\n\n' +
  '```html\n<p class="x">&amp;</p>\n```\n\n```diff\n- a\n+ b\n```\n\n```yaml\nkey: value # y\n```\n\n' +
  '| a | b |\n|--|--:|\n| 1 | 2 |\n\n> quote\n\n1. one\n2. two\n';

const FAILED = {
  ...answer('f', 'A part'),
  status: 'failed',
  error: { code: 'context_length_exceeded', message: '3012 of 2048 tokens' },
};

const articleTools = (page) => page.getByRole('article').getByRole('button', { name: /^(More|더 보기)$/ });

for (const locale of ['en-US', 'ko-KR']) {
  for (const colorScheme of ['light', 'dark']) {
    for (const [device, options] of [['desktop', {}], ['phone', PHONE]]) {
      test(`axe finds nothing: ${locale}, ${colorScheme}, ${device}`, async () => {
        const page = await open(browser, server.url, { locale, colorScheme, ...options });
        await page.getByText('SmolLM2').waitFor();
        assert.deepEqual(await accessibilityFindings(page), [], 'empty page');
        await restoreConversation(page, [
          question('q', '질문 question'), answer('a', RICH), question('r', 'again'), FAILED,
        ]);
        await page.locator('.hljs-keyword').first().waitFor();
        assert.deepEqual(await accessibilityFindings(page), [], 'conversation');
        await articleTools(page).last().click();
        await page.getByRole('menu').waitFor();
        assert.deepEqual(await accessibilityFindings(page), [], 'menu');
        await page.keyboard.press('Escape');
        if (device === 'phone') await page.getByRole('button', { name: /^(Show the list of chats|채팅 목록 열기)$/ }).tap();
        await page.getByRole('link', { name: 'Restored' }).waitFor();
        assert.deepEqual(await accessibilityFindings(page), [], 'sidebar');
        await page.getByRole('button', { name: /^(Settings|설정)$/ }).click();
        await page.getByRole('dialog').waitFor();
        assert.deepEqual(await accessibilityFindings(page), [], 'settings');
        await page.getByRole('tab', { name: /^(Data|데이터)$/ }).click();
        assert.deepEqual(await accessibilityFindings(page), [], 'data');
        await page.keyboard.press('Escape');
        const width = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(width <= 0, 'nothing sticks out sideways');
        await finish(page);
      });
    }
  }
}

test('the keyboard alone does everything', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 20);
  await page.getByText('SmolLM2').waitFor();
  assert.ok(await composer(page).evaluate((field) => field === document.activeElement), 'begins in the field');
  const names = [];
  for (let steps = 0; steps < 14; steps++) {
    await page.keyboard.press('Shift+Tab');
    names.unshift(await page.evaluate(() => {
      const { ariaLabel, textContent } = document.activeElement;
      return (ariaLabel ?? textContent).slice(0, 13).trim();
    }));
  }
  assert.deepEqual(names, [
    'Skip to the m', 'Dure: a new c', 'New chat', 'Hide the list', 'Search chats', 'More', 'Settings', 'Model: SmolLM',
    'Temporary cha', 'Settings of t', 'Explain how r', 'Write a Pytho', 'Draft a short', 'Give me five',
  ]);
  await button(page, 'Settings').focus();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Settings' }).waitFor();
  await page.getByRole('radio', { name: 'Dark' }).focus();
  await page.keyboard.press('Space');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  await page.keyboard.press('Escape');
  assert.ok(await button(page, 'Settings').evaluate((element) => element === document.activeElement), 'focus returns');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('menu').waitFor();
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.activeElement.ariaLabel?.startsWith('Model:'));
  for (let steps = 0; steps < 3; steps++) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter'); // the first of the things to try
  await answered(page, 0);
  assert.equal(await questions(page).count(), 1);
  await finish(page);
});

test('the shortcuts are listed and work', async () => {
  const page = await open(browser, server.url);
  await restoreConversation(page, [question('q', 'x'), answer('a', 'y')]);
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Commands and chats' }).fill('restored');
  await page.getByRole('option', { name: 'Restored' }).waitFor();
  assert.deepEqual(await accessibilityFindings(page), [], 'palette');
  await page.keyboard.press('Escape');
  await page.locator('body').click({ position: { x: 640, y: 300 } });
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  assert.deepEqual(await accessibilityFindings(page), [], 'shortcuts');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+Shift+S');
  await page.getByRole('navigation', { name: 'Chats' }).waitFor({ state: 'detached' });
  await page.keyboard.press('Control+Shift+O');
  await page.getByRole('heading', { name: 'What shall we work on?' }).waitFor();
  await finish(page);
});

test('the theme follows the system until one is chosen, which is kept and there before the first paint', async () => {
  const page = await open(browser, server.url, { colorScheme: 'dark' });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await ground();
  await page.emulateMedia({ colorScheme: 'light' });
  const light = await ground();
  assert.notEqual(dark, light);
  await button(page, 'Settings').click();
  await page.getByText('Dark', { exact: true }).click();
  assert.equal(await ground(), dark);
  // With the app's own script away, what is set was set before the paint.
  await page.route('**/assets/*.js', (route) => route.abort());
  await page.reload({ waitUntil: 'domcontentloaded' });
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  await finish(page, /ERR_FAILED/);
});

test('on a phone Enter breaks the line and the button sends', async () => {
  const page = await open(browser, server.url, PHONE);
  await deterministic(page, 20);
  await page.getByText('SmolLM2').waitFor();
  await composer(page).tap();
  await composer(page).pressSequentially('one');
  await composer(page).press('Enter');
  await composer(page).pressSequentially('two');
  assert.equal(await composer(page).inputValue(), 'one\ntwo');
  await button(page, 'Send').tap();
  await answered(page, 0);
  assert.equal((await questions(page).innerText()).trim(), 'one\ntwo');
  await finish(page);
});

test('reading back is not disturbed by an answer that grows', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 1500);
  await restoreConversation(page, [question('q', 'x'), answer('a', 'Paragraph.\n\n'.repeat(80))]);
  await composer(page).fill('Write a very long story about the wind.');
  await composer(page).press('Enter');
  await page.locator('article[aria-busy="true"] .markdown').waitFor();
  await page.waitForFunction(() => innerHeight + scrollY > document.documentElement.scrollHeight - 100);
  await page.mouse.wheel(0, -1500);
  await button(page, 'To the latest message').waitFor();
  const { top, length } = await page.evaluate(() => ({ top: scrollY, length: document.body.textContent.length }));
  await page.waitForFunction((before) => document.body.textContent.length > before + 100, length);
  assert.equal(await page.evaluate(() => scrollY), top);
  await button(page, 'To the latest message').click();
  await page.waitForFunction(() => innerHeight + scrollY > document.documentElement.scrollHeight - 100);
  await button(page, 'Stop').click();
  await finish(page);
});

test('motion is reduced where the system asks for it', async () => {
  const page = await open(browser, server.url, { reducedMotion: 'reduce' });
  const moving = await page.evaluate(() =>
    [...document.querySelectorAll('*')].filter((element) => {
      const style = getComputedStyle(element);
      return style.animationName !== 'none' || parseFloat(style.transitionDuration) > 0;
    }).length,
  );
  assert.equal(moving, 0);
  await finish(page);
});
