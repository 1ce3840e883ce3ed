// Vercel's AI SDK, unmodified, against the server at DURE_URL.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, generateObject, generateText, streamText, tool } from 'ai';
import { z } from 'zod';

const url = process.env.DURE_URL;
const dure = createOpenAICompatible({
  name: 'dure', baseURL: `${url}/v1`, apiKey: 'any key', includeUsage: true, supportsStructuredOutputs: true,
});
const id = (await (await fetch(`${url}/v1/models`)).json()).data[0].id;
const model = dure(id);
const common = { model, temperature: 0, maxRetries: 0 };
const weather = tool({
  description: 'The weather of a city.',
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `21 degrees in ${city}`,
});

test('a whole answer and the same one streamed', async () => {
  const whole = await generateText({ ...common, prompt: 'Say hello.', maxOutputTokens: 30 });
  assert.ok(whole.text.length > 0);
  assert.ok(whole.usage.outputTokens > 0);
  const result = streamText({ ...common, prompt: 'Say hello.', maxOutputTokens: 30 });
  let text = '';
  for await (const piece of result.textStream) text += piece;
  assert.equal(text, whole.text);
  assert.equal((await result.usage).outputTokens, whole.usage.outputTokens);
});

test('a tool is called, whole and streamed', async () => {
  const request = { ...common, prompt: 'What is the weather in Seoul?', tools: { weather }, toolChoice: 'required', maxOutputTokens: 100 };
  const whole = await generateText(request);
  assert.equal(whole.toolCalls[0].toolName, 'weather');
  assert.match(String(whole.toolResults[0].output), /21 degrees/);
  const streamed = streamText(request);
  await streamed.consumeStream();
  assert.deepEqual((await streamed.toolCalls)[0].input, whole.toolCalls[0].input);
});

test('an object fits its schema', async () => {
  const schema = z.object({ name: z.string(), age: z.number().int().min(0).max(150) });
  const { object } = await generateObject({ ...common, schema, prompt: 'Ann is 30 years old. Describe Ann.', maxOutputTokens: 200 });
  assert.ok(schema.safeParse(object).success);
});

test('errors say what was wrong', async () => {
  await assert.rejects(generateText({ ...common, model: dure('none'), prompt: 'hi' }),
    (error) => APICallError.isInstance(error) && error.statusCode === 404 && !error.isRetryable);
  await assert.rejects(generateText({ ...common, prompt: 'word '.repeat(40000) }),
    (error) => APICallError.isInstance(error) && error.statusCode === 400);
});
