// OpenAI's Node client, unmodified, against the server at DURE_URL.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';

const url = process.env.DURE_URL;
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any key', maxRetries: 0 });
const model = (await client.models.list()).data[0].id;
const forbidEnd = { 0: -100, 2: -100 }; // the small model's end-of-turn tokens
const user = (content) => [{ role: 'user', content }];

async function stats() {
  return (await (await fetch(`${url}/api/app/stats`)).json()).models[0];
}

async function waitUntilIdle(seconds) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const now = await stats();
    if (now.running === 0 && now.queued === 0) return;
    assert.ok(Date.now() < end, `still running: ${JSON.stringify(now)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('a whole answer and the same one streamed', async () => {
  const ask = { model, messages: user('Hi'), temperature: 0, max_tokens: 30 };
  const whole = await client.chat.completions.create(ask);
  assert.equal(whole.choices[0].finish_reason, 'stop');
  assert.ok(whole.choices[0].message.content.length > 0);
  let text = '';
  let usage = null;
  let reason = null;
  const stream = await client.chat.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } });
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? '';
    reason = chunk.choices[0]?.finish_reason ?? reason;
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(reason, 'stop');
  assert.deepEqual(usage.completion_tokens, whole.usage.completion_tokens);
});

test('the stream helper understands the chunks', async () => {
  const stream = client.chat.completions.stream({ model, messages: user('Hi'), temperature: 0, max_tokens: 30 });
  const final = await stream.finalChatCompletion();
  assert.equal(final.choices[0].finish_reason, 'stop');
});

test('Korean text, the same with the same seed', async () => {
  const ask = { model, messages: user('안녕하세요? 자기소개를 해 주세요 🙂'), seed: 11, max_tokens: 20, logit_bias: forbidEnd };
  const first = await client.chat.completions.create(ask);
  const second = await client.chat.completions.create(ask);
  assert.equal(first.choices[0].message.content, second.choices[0].message.content);
  assert.ok(first.choices[0].message.content.isWellFormed?.() ?? true);
});

test('stop strings end the answer before them', async () => {
  const ask = { model, messages: user('Tell me a story.'), temperature: 0, max_tokens: 30, logit_bias: forbidEnd };
  const text = (await client.chat.completions.create(ask)).choices[0].message.content;
  const stop = text.slice(20, 28);
  const cut = await client.chat.completions.create({ ...ask, stop });
  assert.equal(cut.choices[0].message.content, text.slice(0, text.indexOf(stop)));
  assert.equal(cut.choices[0].finish_reason, 'stop');
});

test('errors have their classes, codes and parameters', async () => {
  await assert.rejects(client.chat.completions.create({ model: 'gpt-none', messages: user('Hi') }), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, 'model_not_found');
    return true;
  });
  await assert.rejects(client.chat.completions.create({ model, messages: user('Hi'), top_p: 2 }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.deepEqual([error.code, error.param], ['invalid_value', 'top_p']);
    return true;
  });
  await assert.rejects(client.chat.completions.create({ model, messages: user('word '.repeat(20000)), stream: true }), (error) => {
    assert.equal(error.code, 'context_length_exceeded');
    assert.match(error.message, /8192.*20\d\d\d/);
    return true;
  });
});

test('aborting a stream stops the generation', async () => {
  const stream = await client.chat.completions.create({
    model, messages: user('Tell me a long story.'), stream: true, max_tokens: 4000, logit_bias: forbidEnd,
  });
  let seen = 0;
  for await (const chunk of stream) {
    assert.ok(chunk.choices.length > 0);
    if (++seen === 4) break;
  }
  stream.controller.abort();
  await waitUntilIdle(5);
});

test('aborting a whole answer stops the generation', async () => {
  const controller = new AbortController();
  const answer = client.chat.completions.create(
    { model, messages: user('Tell me a long story.'), max_tokens: 4000, logit_bias: forbidEnd },
    { signal: controller.signal },
  );
  const rejected = assert.rejects(answer);
  const end = Date.now() + 20_000;
  while ((await stats()).running === 0) assert.ok(Date.now() < end);
  controller.abort();
  await rejected;
  await waitUntilIdle(5);
});
