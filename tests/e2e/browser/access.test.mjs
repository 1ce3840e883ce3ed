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
  failure: { kind: 'context_length', detail: '3012 of 2048 tokens' },
};

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
        await page.locator('header button').last().click();
        await page.getByRole('menu').waitFor();
        assert.deepEqual(await accessibilityFindings(page), [], 'menu');
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
  for (let steps = 0; steps < 7; steps++) {
    await page.keyboard.press('Shift+Tab');
    names.unshift(await page.evaluate(() => {
      const { ariaLabel, textContent } = document.activeElement;
      return (ariaLabel ?? textContent).slice(0, 13).trim();
    }));
  }
  assert.deepEqual(names, [
    'Skip to the m', 'New chat', 'Settings', 'Explain how r', 'Write a Pytho', 'Draft a short', 'Give me five',
  ]);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('menu').waitFor();
  await page.getByRole('menuitemradio', { name: 'Dark' }).focus();
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  await page.keyboard.press('Escape');
  assert.ok(await button(page, 'Settings').evaluate((element) => element === document.activeElement), 'focus returns');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter'); // the first of the things to try
  await answered(page, 0);
  assert.equal(await questions(page).count(), 1);
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
  await page.getByRole('menuitemradio', { name: 'Dark' }).click();
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
  assert.equal(await questions(page).innerText(), 'one\ntwo');
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
