// Runs the browser tests one file after the other; exits with 77 (skipped) and the reason when what they need is absent.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { CHROMIUM } from './lib/browser.mjs';
import { binary, modelFile } from './lib/server.mjs';

const SKIPPED = 77;

for (const [what, file] of [['Chromium', CHROMIUM], ['the model', modelFile()]]) {
  if (!existsSync(file)) {
    console.log(`skipped: ${what} is not there (${file})`);
    process.exit(SKIPPED);
  }
}
binary();

const here = import.meta.dirname;
const wanted = process.argv.slice(2);
const files = readdirSync(here)
  .filter((name) => name.endsWith('.test.mjs') && (wanted.length === 0 || wanted.some((part) => name.includes(part))))
  .map((name) => join(here, name));
const { status } = spawnSync(
  process.execPath,
  ['--test', '--test-concurrency=1', '--test-timeout=240000', '--test-reporter=spec', ...files],
  { stdio: 'inherit' },
);
process.exit(status ?? 1);
