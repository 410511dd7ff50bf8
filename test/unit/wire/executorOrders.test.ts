import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import {
  COMMAND_OOM_SCORE,
  type ExecutorMode,
  modeArguments,
  parseGuardAway,
  parseMode,
  parseRedisAway,
} from '../../../src/wire/executorOrders.ts';
import { BUSYBOX, CARRIED, ENTER, EXECUTOR_PROGRAM, NODE_COMMAND, TINI } from '../../../src/wire/executorRoot.ts';

const textOf = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');

test.each<ExecutorMode>([
  { kind: 'container', imageUser: '', stopSignal: '' },
  { kind: 'container', imageUser: '1000:50', stopSignal: 'SIGRTMIN+3' },
  { kind: 'process', directory: '/a=b' },
])('the executor reads the mode %j from the arguments of the launcher', (mode) => {
  expect(parseMode(['--first', ...modeArguments(mode), '--last'])).toEqual(mode);
});

test('other arguments give no mode', () => {
  expect(parseMode([])).toBeNull();
  expect(parseMode(['--workspace='])).toBeNull();
});

test.each([
  ['redis-away-ms', parseRedisAway],
  ['guard-away-ms', parseGuardAway],
] as const)('--%s is taken from the arguments if it is a positive number', (name, parse) => {
  expect(parse([`--${name}=1500`])).toBe(1500);
  for (const args of [[], [`--${name}=`], [`--${name}=0`], [`--${name}=soon`], ['--other-ms=1500']]) {
    expect(parse(args)).toBeNull();
  }
});

test('the Dockerfile and enter.c use the same paths and the same score as the code', () => {
  const dockerfile = textOf('executor/Dockerfile');
  expect(dockerfile).toContain(`carried=${CARRIED};`);
  for (const path of [BUSYBOX, ENTER, TINI, NODE_COMMAND[0], NODE_COMMAND[3]]) {
    expect(dockerfile).toContain(`"$carried${path.slice(CARRIED.length)}"`);
  }
  expect(dockerfile).toContain(`COPY executor.mjs ${EXECUTOR_PROGRAM}`);
  expect(textOf('executor/enter/enter.c')).toContain(`(long)"${COMMAND_OOM_SCORE}", ${COMMAND_OOM_SCORE.length},`);
});
