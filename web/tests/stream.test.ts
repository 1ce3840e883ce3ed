import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { RequestFailed } from '../src/lib/api/failure';
import { follow } from '../src/lib/api/stream';

let server: Server | null = null;

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

const event = (id: number, type = 'text'): string => `id: ${id}\nevent: ${type}\ndata: {}\n\n`;

async function collect(after = '', signal = new AbortController().signal): Promise<string[]> {
  const ids: string[] = [];
  const events = follow({
    url: (last) => `/events?after=${last}`,
    after,
    signal,
    ends: ({ type }) => type === 'end',
    wait: () => Promise.resolve(),
  });
  for await (const { id } of events) ids.push(id);
  return ids;
}

describe('follow', () => {
  it('goes on behind the last id over cut, broken and refused connections', async () => {
    const asked: string[] = [];
    await serve((request, response) => {
      asked.push(`${request.url ?? ''} ${String(request.headers['last-event-id'])}`);
      if (asked.length === 1) response.end(event(1) + event(2) + 'id: 3\nevent: te'); // cut inside an event
      else if (asked.length === 2) response.writeHead(503).end('{}');
      else if (asked.length === 3) response.write(event(3), () => response.destroy());
      else response.end(event(7) + event(8, 'end'));
    });
    expect(await collect()).toEqual(['1', '2', '3', '7', '8']);
    expect(asked).toEqual(['/events?after= undefined', '/events?after=2 2', '/events?after=2 2', '/events?after=3 3']);
  });

  it('gives up where trying again cannot help', async () => {
    await serve((_, response) => response.writeHead(404).end('{"error":{"code":"not_found","message":"m"}}'));
    const error: unknown = await collect('5').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RequestFailed);
    expect((error as RequestFailed).failure.kind).toBe('missing');
  });

  it('closes the connection when it is aborted', async () => {
    const abort = new AbortController();
    const closed = new Promise<void>((resolve) => {
      void serve((_, response) => {
        response.on('close', resolve);
        response.write(event(1));
        setImmediate(() => abort.abort());
      }).then(() => collect('', abort.signal).catch((error: unknown) => expect(error).toMatchObject({ name: 'AbortError' })));
    });
    await closed;
  });
});
