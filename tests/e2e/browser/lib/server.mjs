// The real server, started and stopped as a user would.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

const START_MS = 60_000;

export const MODEL_NAME = 'SmolLM2-135M-Instruct.Q4_1';

/** A name that the browser takes for no loopback: the page is then in no secure context. */
export const FOREIGN_NAME = 'dure.test';

export function modelFile(name = `${MODEL_NAME}.gguf`) {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(process.env.DURE_MODEL_DIR || join(cache, 'dure', 'models'), name);
}

export function binary() {
  const file = process.env.DURE_BINARY;
  if (!file || !existsSync(file)) throw new Error('DURE_BINARY names no program');
  return file;
}

async function freePort() {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

export class Server {
  /** Starts `dure serve` on a free port and waits until it is ready. */
  static async start(model = modelFile(), { data, options = [] } = {}) {
    const server = new Server();
    server.model = model;
    server.port = await freePort();
    server.data = data ?? mkdtempSync(join(tmpdir(), 'dure-e2e-'));
    server.options = options;
    await server.run();
    return server;
  }

  get url() {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Starts the process (again, on the same port). */
  async run() {
    this.output = '';
    this.process = spawn(
      binary(),
      [
        'serve', '--model', this.model, '--host', '127.0.0.1', '--port', String(this.port), '--data', this.data,
        '--allow-host', FOREIGN_NAME, ...this.options,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.on('data', (chunk) => (this.output += chunk));
    }
    const deadline = Date.now() + START_MS;
    for (;;) {
      if (this.process.exitCode !== null) throw new Error(`the server ended: ${this.output}`);
      const ready = await fetch(`${this.url}ready`).then((response) => response.ok, () => false);
      if (ready) return;
      if (Date.now() > deadline) throw new Error(`the server is not ready: ${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** What the server has printed, once it matches. */
  async printed(pattern) {
    for (const deadline = Date.now() + START_MS; Date.now() < deadline; ) {
      const found = pattern.exec(this.output);
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the server did not print ${pattern}: ${this.output}`);
  }

  /** Ends the process at once, as a crash would. */
  async kill() {
    const ended = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await ended;
  }

  async close() {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.kill();
    rmSync(this.data, { recursive: true, force: true });
  }
}
