// Korean, and what input methods do: compositions through the DevTools protocol.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';

import { answered, ask, button, composer, deterministic, finish, launch, open, questions } from './lib/browser.mjs';
import { Server } from './lib/server.mjs';

let server;
let browser;
let page;
let protocol;
before(async () => {
  server = await Server.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
});
beforeEach(async () => {
  page = await open(browser, server.url, { locale: 'ko-KR' });
  await deterministic(page, 16);
  await page.getByText('SmolLM2').waitFor();
  protocol = await page.context().newCDPSession(page);
  await composer(page).focus();
});

const compose = async (...states) => {
  for (const text of states) {
    await protocol.send('Input.imeSetComposition', { text, selectionStart: text.length, selectionEnd: text.length });
  }
};
const commit = (text) => protocol.send('Input.insertText', { text });
/** The keydown that an input method has taken for itself. */
const imeEnter = () => key('rawKeyDown', { windowsVirtualKeyCode: 229, key: 'Process' });
const plainEnter = () => key('keyDown', { windowsVirtualKeyCode: 13, key: 'Enter', text: '\r' });
const release = () => key('keyUp', { windowsVirtualKeyCode: 13, key: 'Enter' });
const key = (type, rest) => protocol.send('Input.dispatchKeyEvent', { type, code: 'Enter', ...rest });

/** Types 안녕하세요 with its last syllable still being composed. */
async function typeHello() {
  for (const [states, syllable] of [
    [['ㅇ', '아', '안'], '안'], [['ㄴ', '녀', '녕'], '녕'], [['ㅎ', '하'], '하'], [['ㅅ', '세'], '세'],
  ]) {
    await compose(...states);
    await commit(syllable);
  }
  await compose('ㅇ', '요');
  assert.equal(await composer(page).inputValue(), '안녕하세요');
}

/** Exactly one message was sent, it is whole, and nothing is left behind. */
async function expectSentOnce(text) {
  await answered(page, 0);
  assert.deepEqual((await questions(page).allInnerTexts()).map((each) => each.trim()), [text]);
  assert.equal(await composer(page).inputValue(), '');
  await finish(page);
}

test('one Enter commits the last syllable and sends: keydown, commit, keydown', async () => {
  await typeHello();
  await imeEnter();
  await commit('요');
  await plainEnter();
  await release();
  await expectSentOnce('안녕하세요');
});

test('one Enter commits the last syllable and sends: keydown, commit, nothing more', async () => {
  await typeHello();
  await imeEnter();
  await commit('요');
  await release();
  await expectSentOnce('안녕하세요');
});

test('one Enter commits the last syllable and sends: commit, keydown taken by the input method', async () => {
  await typeHello();
  await commit('요');
  await imeEnter();
  await release();
  await expectSentOnce('안녕하세요');
});

test('one Enter commits the last syllable and sends: commit, then both keydowns', async () => {
  await typeHello();
  await commit('요');
  await imeEnter();
  await plainEnter();
  await release();
  await expectSentOnce('안녕하세요');
});

test('Shift+Enter commits the syllable and breaks the line', async () => {
  await typeHello();
  await key('rawKeyDown', { windowsVirtualKeyCode: 229, key: 'Process', modifiers: 8 });
  await commit('요');
  await key('keyDown', { windowsVirtualKeyCode: 13, key: 'Enter', text: '\r', modifiers: 8 });
  await release();
  assert.equal(await composer(page).inputValue(), '안녕하세요\n');
  assert.equal(await questions(page).count(), 0);
  await finish(page);
});

test('the Enter that picks a Japanese or Chinese candidate does not send, the next one does', async () => {
  for (const [typed, picked] of [[['に', 'にほ', '日本'], '日本'], [['n', 'ni', 'ni hao', '你好'], '你好']]) {
    await compose(...typed);
    await imeEnter();
    await commit(picked);
    await release();
  }
  assert.equal(await composer(page).inputValue(), '日本你好');
  assert.equal(await questions(page).count(), 0);
  await plainEnter();
  await release();
  await expectSentOnce('日本你好');
});

test('the send button takes the syllable that is still being composed', async () => {
  await typeHello();
  await button(page, '보내기').click();
  await expectSentOnce('안녕하세요');
});

test('the page speaks Korean to a Korean browser, and the language can be switched for good', async () => {
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'ko');
  await page.getByRole('heading', { name: '무엇을 도와드릴까요?' }).waitFor();
  await button(page, '새 채팅').waitFor();
  const answer = await ask(page, '서울에 대해 알려 줘.');
  await answer.getByRole('button', { name: '복사' }).last().waitFor();
  assert.equal((await questions(page).innerText()).trim(), '서울에 대해 알려 줘.');

  await button(page, '설정').click();
  await page.getByText('English', { exact: true }).click();
  await page.keyboard.press('Escape');
  await button(page, 'New chat').waitFor();
  await page.reload();
  await button(page, 'New chat').waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
  await finish(page);
});
