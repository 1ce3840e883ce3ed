// What answers and messages may contain: Markdown, code, and markup that must stay text.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import {
  answer, answers, ask, deterministic, finish, launch, open, question, questions, restoreConversation,
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

const MARKUP = [
  '<script>window.hacked = 1</script>',
  '<img src=x onerror="window.hacked = 1">',
  '<svg onload="window.hacked = 1">',
  '<iframe srcdoc="<script>parent.hacked = 1</script>"></iframe>',
  '[click](javascript:window.hacked=1)',
  '![pixel](https://example.org/pixel.png)',
  '<style>body { display: none }</style>',
  '<a href="javascript:window.hacked=1">x</a>',
].join('\n\n');

const CODE = '```python\ndef greet(name):\n    # 인사\n    return f"안녕, {name}"\n```\n';

test('the model writes code, and it is highlighted while it comes', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 90);
  const reply = await ask(page, 'Write a Python function that adds two numbers. Use a code block.');
  await reply.locator('figure.code .hljs-keyword').first().waitFor();
  assert.equal(await reply.locator('.language').first().innerText(), 'python');
  assert.match(await reply.locator('pre').first().innerText(), /def /);
  await finish(page);
});

test('markup in a message and in an answer stays text', async () => {
  const page = await open(browser, server.url);
  await deterministic(page, 24);
  await ask(page, MARKUP);
  assert.match(await questions(page).first().innerText(), /<script>window\.hacked = 1<\/script>/);
  await ask(page, 'Repeat exactly this: <script>window.hacked = 1</script>');
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  await finish(page);
});

test('markup in a restored answer stays text and fetches nothing', async () => {
  const page = await open(browser, server.url);
  await restoreConversation(page, [question('q', MARKUP), answer('a', `${MARKUP}\n\n**bold**\n`)]);
  const text = await answers(page).innerText();
  assert.match(text, /<script>window\.hacked = 1<\/script>/);
  assert.match(text, /<img src=x onerror="window\.hacked = 1">/);
  await answers(page).locator('strong').waitFor();

  for (const element of ['script', 'img', 'svg:not([aria-hidden])', 'iframe', 'style']) {
    assert.equal(await page.locator(`article ${element}`).count(), 0, element);
  }
  const links = await answers(page).getByRole('link').evaluateAll((all) => all.map(({ href }) => href));
  assert.deepEqual(links, ['https://example.org/pixel.png']);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  await finish(page);
});

test('code has its language, its colours, a wrap switch and a copy button', async () => {
  const page = await open(browser, server.url, { permissions: ['clipboard-read', 'clipboard-write'] });
  await restoreConversation(page, [
    question('q', 'code?'),
    answer('a', `Here:\n\n${CODE}\n\n1. In a list:\n\n   \`\`\`js\n   const x = 1;\n   \`\`\`\n\n\`\`\`nonsense\nplain\n\`\`\``),
  ]);
  const blocks = page.locator('figure.code');
  await blocks.first().locator('.hljs-keyword').first().waitFor();
  await blocks.nth(1).locator('.hljs-keyword').waitFor();
  assert.deepEqual(await page.locator('figure.code .language').allInnerTexts(), ['python', 'js', 'nonsense']);
  assert.equal(await blocks.first().locator('pre').innerText(), 'def greet(name):\n    # 인사\n    return f"안녕, {name}"');
  assert.equal(await blocks.nth(2).locator('span[class^=hljs]').count(), 0);

  await blocks.first().getByRole('button', { name: 'Copy' }).click();
  await blocks.first().getByText('Copied').waitFor();
  assert.equal(
    await page.evaluate(() => navigator.clipboard.readText()),
    'def greet(name):\n    # 인사\n    return f"안녕, {name}"',
  );
  const wrap = blocks.first().getByRole('button', { name: 'Wrap lines' });
  await wrap.click();
  assert.equal(await wrap.getAttribute('aria-pressed'), 'true');
  assert.equal(await blocks.first().locator('pre').evaluate((pre) => getComputedStyle(pre).whiteSpaceCollapse), 'preserve');
  await finish(page);
});

test('Markdown becomes elements', async () => {
  const page = await open(browser, server.url);
  await restoreConversation(page, [
    question('q', 'x'),
    answer(
      'a',
      '### Title\n\n**"굵게"**는 *it* ~~no~~ `code`\n\n3. three\n4. four\n\n> quote\n\n| a | b |\n|--|:-:|\n| 1 | 2 |\n\n---\n\n#### Sub\n\nhttps://example.org/x',
    ),
  ]);
  const reply = answers(page);
  await reply.getByRole('heading', { name: 'Title', level: 2 }).waitFor();
  await reply.getByRole('heading', { name: 'Sub', level: 3 }).waitFor();
  assert.equal(await reply.locator('strong').innerText(), '"굵게"');
  assert.equal(await reply.locator('ol').getAttribute('start'), '3');
  assert.equal(await reply.getByRole('cell').count(), 2);
  for (const element of ['em', 'del', 'code', 'blockquote', 'hr']) {
    assert.equal(await reply.locator(element).count(), 1, element);
  }
  const link = reply.getByRole('link');
  assert.equal(await link.getAttribute('rel'), 'noopener noreferrer nofollow');
  await finish(page);
});

test('formulas, footnotes and diagrams are drawn, the diagrams in a sandbox', async () => {
  const page = await open(browser, server.url);
  await restoreConversation(page, [
    question('q', 'x'),
    answer(
      'a',
      'Euler: $e^{i\\pi}+1=0$.[^1] It costs $5 or $6. $\\nonsense{$\n\n$$\\sqrt{\\frac{a}{b}}$$\n\n[^1]: Proven.\n\n' +
        '```mermaid\nflowchart LR\n  A[시작] --> B["<img src=x onerror=parent.hacked=1>"]\n```\n\n' +
        '```mermaid\nno diagram at all\n```\n',
    ),
  ]);
  const reply = answers(page);
  await reply.locator('.math .katex').nth(1).waitFor();
  assert.equal(await reply.locator('.math').count(), 2);
  assert.match(await reply.innerText(), /It costs \$5 or \$6\./);
  await reply.getByRole('button', { name: 'Footnote 1' }).click();
  await reply.getByRole('note').and(page.locator(':focus')).waitFor();

  const frame = page.frameLocator('iframe.diagram').first();
  await frame.locator('svg .node').first().waitFor();
  assert.match(await frame.locator('svg').textContent(), /시작/);
  await page.locator('iframe.diagram.drawn').waitFor();
  await page.waitForFunction(() => document.querySelectorAll('iframe.diagram').length === 1); // the second is no diagram
  assert.match(await page.locator('pre').innerText(), /no diagram at all/);
  const inside = page.frames().find((each) => each.url().endsWith('/frame/diagram.html'));
  assert.equal(await inside.evaluate(() => origin), 'null');
  assert.equal(await inside.evaluate(() => fetch('/ready').then(() => 'open', () => 'shut')), 'shut');
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  await finish(page, /policy|Content Security Policy|Content-Security-Policy/);
});
