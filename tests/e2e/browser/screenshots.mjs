// Makes the pictures in docs/img from the real page with the default model: node screenshots.mjs
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { answered, ask, composer, deterministic, launch, open, PHONE } from './lib/browser.mjs';
import { modelFile, Server } from './lib/server.mjs';

const MODEL = 'qwen2.5-coder-0.5b-instruct-q4_k_m.gguf';
const OUT = join(import.meta.dirname, '../../../docs/img');
const DESKTOP = { viewport: { width: 1180, height: 800 } };

const PICTURES = [
  {
    name: 'welcome-light-en',
    options: { ...DESKTOP, locale: 'en-US', colorScheme: 'light' },
    questions: [],
  },
  {
    name: 'chat-light-en',
    options: { ...DESKTOP, locale: 'en-US', colorScheme: 'light' },
    questions: ['Write a Python function that finds the longest word in a sentence.'],
  },
  {
    name: 'chat-dark-ko',
    options: { ...DESKTOP, locale: 'ko-KR', colorScheme: 'dark' },
    questions: ['문장에서 가장 긴 단어를 찾는 파이썬 함수를 써 줘.'],
  },
  {
    name: 'phone-light-ko',
    options: { ...PHONE, locale: 'ko-KR', colorScheme: 'light' },
    questions: ['문장에서 가장 긴 단어를 찾는 파이썬 함수를 써 줘.'],
  },
];

mkdirSync(OUT, { recursive: true });
const server = await Server.start(modelFile(MODEL));
const browser = await launch();
try {
  for (const { name, options, questions } of PICTURES) {
    const page = await open(browser, server.url, options);
    await deterministic(page, 400);
    for (const text of questions) {
      if (options.isMobile) {
        await composer(page).fill(text);
        await page.getByRole('button', { name: /^(Send|보내기)$/ }).tap();
        await answered(page, 0);
      } else {
        await ask(page, text);
      }
    }
    await page.locator('article figure.code [class^=hljs]').first().waitFor({ timeout: 5000 }).catch(() => undefined);
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.getByRole('button').first().waitFor();
    await page.screenshot({ path: join(OUT, `${name}.png`) });
    console.log(`${name}.png`);
    await page.context().close();
  }
} finally {
  await browser.close();
  await server.close();
}
