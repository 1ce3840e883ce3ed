// svelte-check on the components and tsc on the rest, both strict; fails when either finds anything.
import { spawnSync } from 'node:child_process';

const checks = [
  ['node_modules/svelte-check/bin/svelte-check', '--tsconfig', './tsconfig.json', '--fail-on-warnings'],
  ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'],
];
for (const check of checks) {
  const { status } = spawnSync(process.execPath, check, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
