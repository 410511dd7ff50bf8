/** The threads that scan: what happens if one dies or hangs. */
import { afterEach, expect, test } from 'vitest';
import type { LogQuery } from '../../../src/domain/logQuery.ts';
import type { ScanTask } from '../../../src/search/scan/scanTask.ts';
import { type PoolOptions, ScanPool } from '../../../src/search/scanPool.ts';
import { encodeBatch } from '../../../src/wire/batchBuilder.ts';
import { line } from '../../support/log.ts';

const logged: unknown[] = [];
const logger = { warn: (...parts: unknown[]) => void logged.push(parts) };
let pool: ScanPool | undefined;
const open = (options: PoolOptions): ScanPool => {
  pool = new ScanPool(logger, { threads: 1, ...options });
  return pool;
};
afterEach(() => pool?.[Symbol.asyncDispose]());

const task = (messages: readonly string[], query: LogQuery): ScanTask => {
  const bytes = new Uint8Array(encodeBatch(messages.map(line), 1, 1));
  return { query, bytes, ends: [bytes.length], isBackward: false, after: 0, before: 2 ** 31, most: 1000 };
};
/** Bytes that are not a batch. */
const broken = (query: LogQuery): ScanTask => ({ ...task([], query), bytes: new Uint8Array(20), ends: [20] });

test('Q5: a thread that does not answer is replaced: its search fails, and those behind it go on', async () => {
  const hasty = open({ taskMs: 1 });
  // No thread starts within a millisecond.
  await expect(hasty.scan(task(['x'], { text: 'x' }))).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  expect(logged).toHaveLength(1);
  await hasty[Symbol.asyncDispose]();
  const patient = open({});
  const failing = patient.scan(broken({ text: 'x' }));
  const behind = patient.scan(task(['x', 'y'], { text: 'x' }));
  await expect(failing).rejects.toThrow('not a batch of events');
  expect((await behind).found.map(({ seq }) => seq)).toEqual([1]);
});

test('no thread runs before the first search, and a pool that is closed refuses', async () => {
  const one = open({});
  expect(one.running).toBe(0);
  await one.scan(task(['x'], {}));
  expect(one.running).toBe(1);
  await one[Symbol.asyncDispose]();
  expect(one.running).toBe(0);
  await expect(one.scan(task(['x'], {}))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});
