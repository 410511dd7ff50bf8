import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openRuntime } from '../../../../executor/command/runtime.ts';
import { newRunId } from '../../../../src/domain/ids.ts';

test('W11a: the executor does not create the directory of its attempt again if it was removed before the start', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'rl-runtime-'));
  onTestFinished(() => rm(parent, { recursive: true, force: true }));
  const directory = join(parent, 'removed');
  const orders = {
    runId: newRunId(),
    attempt: 1,
    redisUrl: 'redis://127.0.0.1',
    runKey: Buffer.alloc(32),
    engine: null,
  };
  expect(() => openRuntime({ kind: 'process', directory }, orders)).toThrow('ENOENT');
  expect(existsSync(directory)).toBe(false);
});
