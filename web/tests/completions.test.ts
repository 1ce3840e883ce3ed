import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { RequestFailed } from '../src/lib/api/failure';
import { streamAnswer, type StreamStep } from '../src/lib/local/completions';

let server: Server | null = null;

/** Serves on a free port; the client's relative URLs lead there. */
async function serve(listener: RequestListener): Promise<void> {
  const started = createServer(listener);
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
  const real = globalThis.fetch;
  vi.stubGlobal('fetch', (url: string, init?: RequestInit) => real(new URL(url, base), init));
}

afterEach(() => {
  vi.unstubAllGlobals();
  server?.closeAllConnections();
  server?.close();
});

const delta = (content: string): string => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;

async function collect(signal = new AbortController().signal): Promise<StreamStep[]> {
  const steps: StreamStep[] = [];
  for await (const step of streamAnswer('m', [{ role: 'user', content: '안녕' }], { temperature: 0 }, signal)) steps.push(step);
  return steps;
}

describe('streamAnswer', () => {
  it('asks as the API wants it and gives text, finish and usage', async () => {
    let asked = '';
    await serve((request, response) => {
      request.on('data', (chunk: Buffer) => (asked += chunk.toString()));
      request.on('end', () => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n: ping\n\n');
        response.write('data: {"choices":[{"delta":{"reasoning_content":"음"}}]}\n\n');
        response.write(delta('두레') + delta('는'));
        response.write('data: {"choices":[{"delta":{},"finish_reason":"length"}]}\n\n');
        response.end('data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}\n\ndata: [DONE]\n\n');
      });
    });
    expect(await collect()).toEqual([
      { type: 'reasoning', text: '음' },
      { type: 'text', text: '두레' },
      { type: 'text', text: '는' },
      { type: 'finish', reason: 'length' },
      { type: 'usage', usage: { prompt_tokens: 9, cached_tokens: 0, completion_tokens: 2 } },
    ]);
    expect(JSON.parse(asked)).toEqual({
      model: 'm',
      temperature: 0,
      messages: [{ role: 'user', content: '안녕' }],
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  it.each<[string, RequestListener, string]>([
    ['a stream cut off', (_, response) => response.writeHead(200).end(delta('a')), 'unreachable'],
    ['a connection that breaks', (_, response) => response.write(delta('a'), () => response.destroy()), 'unreachable'],
    ['an error inside the stream', (_, response) => response.end(delta('a') + 'data: {"error":{"message":"m"}}\n\n'), 'server'],
    ['a refusal', (_, response) => response.writeHead(400).end('{"error":{"message":"m","code":"context_length_exceeded"}}'), 'context_length'],
  ])('%s is a failure of its kind', async (_, listener, kind) => {
    await serve(listener);
    const error: unknown = await collect().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RequestFailed);
    expect((error as RequestFailed).failure.kind).toBe(kind);
  });

  it('closes the connection when it is stopped', async () => {
    const abort = new AbortController();
    const closed = new Promise<void>((resolve) => {
      void serve((_, response) => {
        response.on('close', resolve);
        response.write(delta('a'));
        setImmediate(() => abort.abort());
      }).then(() => collect(abort.signal).catch((error: unknown) => expect(error).toMatchObject({ name: 'AbortError' })));
    });
    await closed;
  });
});
