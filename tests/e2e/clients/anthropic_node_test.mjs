// Anthropic's Node client, unmodified, against the server at DURE_URL.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';

const url = process.env.DURE_URL;
const client = new Anthropic({ baseURL: url, apiKey: 'any key', authToken: null, maxRetries: 0 });
const model = (await (await fetch(`${url}/v1/models`)).json()).data[0].id;
const ask = { model, max_tokens: 30, messages: [{ role: 'user', content: 'Say hello.' }] };
const tools = [{
  name: 'get_weather',
  description: 'The weather of a city.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false },
}];

test('a whole message and one that is streamed', async () => {
  const whole = await client.messages.create({ ...ask, top_k: 1 });
  assert.equal(whole.role, 'assistant');
  assert.ok(whole.content[0].text.length > 0);
  const stream = client.messages.stream({ ...ask, top_k: 1 });
  let text = '';
  stream.on('text', (piece) => (text += piece));
  const final = await stream.finalMessage();
  assert.equal(text, whole.content[0].text);
  assert.equal(final.stop_reason, whole.stop_reason);
  assert.equal(final.usage.output_tokens, whole.usage.output_tokens);
});

test('a tool is called, whole and streamed, and its result is read', async () => {
  const request = {
    ...ask, max_tokens: 100, tools, top_k: 1, tool_choice: { type: 'tool', name: 'get_weather' },
    messages: [{ role: 'user', content: 'What is the weather in Seoul?' }],
  };
  const whole = await client.messages.create(request);
  const call = whole.content.find((block) => block.type === 'tool_use');
  assert.equal(whole.stop_reason, 'tool_use');
  assert.equal(call.name, 'get_weather');
  assert.equal(typeof call.input.city, 'string');
  const streamed = await client.messages.stream(request).finalMessage();
  assert.deepEqual(streamed.content.find((block) => block.type === 'tool_use').input, call.input);
  const answer = await client.messages.create({
    ...ask, tools,
    messages: [...request.messages, { role: 'assistant', content: whole.content },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: '21 degrees, sunny' }] }],
  });
  assert.ok(answer.content.length > 0);
});

test('tokens are counted', async () => {
  const count = await client.messages.countTokens({ model, messages: ask.messages });
  assert.ok(count.input_tokens > 3);
});

test('errors have their class', async () => {
  await assert.rejects(client.messages.create({ ...ask, model: 'none' }), Anthropic.NotFoundError);
  await assert.rejects(client.messages.create({ ...ask, max_tokens: 0 }), Anthropic.BadRequestError);
  await assert.rejects(client.messages.create({ ...ask, messages: [{ role: 'user', content: 'word '.repeat(40000) }] }),
    Anthropic.BadRequestError);
});
