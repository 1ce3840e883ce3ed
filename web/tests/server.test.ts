import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { fetchInfo, fetchModels, fetchReadiness } from '../src/lib/api/server';
import { RequestFailed } from '../src/lib/api/failure';

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

describe('the small questions', () => {
  it('are answered without throwing', async () => {
    await serve((request, response) => {
      if (request.url === '/ready') response.writeHead(503).end('{}');
      else if (request.url === '/v1/models') response.end('{"data":[{"id":"a"},{"no":1},{"id":"b","context_length":2048}]}');
      else response.end('{"status":"loading","loading":{"bytes_done":1,"bytes_total":4},"error":null}');
    });
    expect(await fetchReadiness()).toBe('not_ready');
    expect(await fetchModels()).toEqual([
      { id: 'a', context_length: null, owned_by: '' },
      { id: 'b', context_length: 2048, owned_by: '' },
    ]);
    expect(await fetchInfo()).toEqual({
      status: 'loading', mode: 'owner', account: '', admin: false, conversations: false, version: '', instance: '', error: '', loaded: 0.25,
    });
    server?.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
    expect(await fetchReadiness()).toBe('unreachable');
    expect(await fetchInfo()).toBeNull();
    await expect(fetchModels()).rejects.toBeInstanceOf(RequestFailed);
  });
});
