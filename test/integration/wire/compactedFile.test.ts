/**
 * A compaction on the disk of Redis: one transaction in its append-only file, and a stream that survives every kind of
 * file.
 */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import type { RunId } from '../../../src/domain/ids.ts';
import { compactTail, mergeBatches } from '../../../src/wire/compact.ts';
import { logKey, recordKey } from '../../../src/wire/keys.ts';
import { createRun, finished, PlainWriter } from '../../support/log.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { isWhole, readEvents, WAIT } from '../../support/runs/executor.ts';

const APPEND_ONLY = ['--appendonly', 'yes', '--appendfsync', 'always'];
const ENTRIES = 60;

const withFiles = async (work: (directory: string) => Promise<void>): Promise<void> => {
  const directory = await mkdtemp(join(tmpdir(), 'rl-compacted-'));
  try {
    await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};

/** Writes 60 small entries and compacts the newest 50. */
const compactedLog = async (redis: Redis): Promise<PlainWriter> => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  for (let i = 0; i < ENTRIES; i += 1) await writer.lines(2);
  const stored = await redis.xrevrangeBuffer(logKey(writer.runId), '+', '-', 'COUNT', 50);
  const batches = stored.map(([, fields]) => fields[1] ?? Buffer.alloc(0)).reverse();
  const request = { term: writer.term, writer: writer.writer, entries: 50, ...mergeBatches(batches) };
  expect(await compactTail(redis, writer.runId, request)).toBe(true);
  return writer;
};

/** Expects the same state after a restart, and that the log can be continued. */
const expectUnharmed = async (server: TestRedis, writer: PlainWriter, before: unknown): Promise<void> => {
  const redis = await server.connect();
  expect(await stateOf(redis, writer.runId)).toEqual(before);
  const again = Object.assign(new PlainWriter(redis, writer.runId), {
    writer: writer.writer,
    term: writer.term,
    nextSeq: writer.nextSeq,
  });
  expect((await again.lines(3)).code).toBe('OK');
  expect((await again.append([finished()])).code).toBe('OK');
  expect(isWhole(await readEvents(redis, writer.runId))).toBe(true);
};

const stateOf = async (redis: Redis, runId: RunId): Promise<unknown> => [
  await redis.xrange(logKey(runId), '-', '+'),
  await redis.hgetall(recordKey(runId)),
];

const incrementalFile = async (directory: string): Promise<string> => {
  const folder = join(directory, 'appendonlydir');
  const name = (await readdir(folder)).find((file) => file.endsWith('.incr.aof'));
  return join(folder, name ?? '');
};

test('W9c: a compaction is one transaction in the append-only file; a file cut off inside it has the small entries', async () => {
  await withFiles(async (directory) => {
    let server = await startRedis({ directory, config: APPEND_ONLY });
    const writer = await compactedLog(await server.connect());
    const before = await stateOf(await server.connect(), writer.runId);
    await server.stop();
    const path = await incrementalFile(directory);
    const file = await readFile(path);
    const text = file.toString('latin1');
    const from = text.lastIndexOf('*1\r\n$5\r\nMULTI\r\n');
    const commands = [...text.slice(from).matchAll(/\*\d+\r\n\$\d+\r\n([A-Za-z]+)\r\n/g)].map(([, name]) => name);
    expect(commands.map((name) => name?.toUpperCase())).toEqual(['MULTI', 'XADD', 'XDEL', 'EXEC']);
    const kept = join(directory, 'kept');
    await cp(path, kept);
    // After a power loss at any point inside it, all small entries are there again.
    for (const cut of [text.lastIndexOf('EXEC'), text.lastIndexOf('XDEL') + 20, from + 30]) {
      await writeFile(path, file.subarray(0, cut));
      server = await startRedis({ directory, config: APPEND_ONLY });
      const redis = await server.connect();
      expect(await redis.xlen(logKey(writer.runId))).toBe(ENTRIES + 1);
      expect(isWhole(await readEvents(redis, writer.runId))).toBe(true);
      await server.stop();
    }
    await cp(kept, path);
    server = await startRedis({ directory, config: APPEND_ONLY });
    await expectUnharmed(server, writer, before);
    await server.stop();
  });
});

test.for([{ preamble: 'yes' }, { preamble: 'no' }])(
  'A compaction survives a rewritten append-only file, with an RDB preamble: $preamble.',
  async ({ preamble }) => {
    await withFiles(async (directory) => {
      const config = [...APPEND_ONLY, '--aof-use-rdb-preamble', preamble];
      let server = await startRedis({ directory, config });
      const redis = await server.connect();
      const writer = await compactedLog(redis);
      const before = await stateOf(redis, writer.runId);
      await redis.bgrewriteaof();
      await vi.waitFor(async () => {
        const info = await redis.info('persistence');
        expect(info).toMatch(/aof_rewrite_in_progress:0/);
        expect(info).toMatch(/aof_rewrite_scheduled:0/);
      }, WAIT);
      expect((await readdir(join(directory, 'appendonlydir'))).some((name) => name.includes('.2.'))).toBe(true);
      await server.stop();
      server = await startRedis({ directory, config });
      await expectUnharmed(server, writer, before);
      await server.stop();
    });
  },
);

test('A compaction survives a restart from an RDB file.', async () => {
  await withFiles(async (directory) => {
    let server = await startRedis({ directory });
    const redis = await server.connect();
    const writer = await compactedLog(redis);
    const before = await stateOf(redis, writer.runId);
    await redis.save();
    await server.stop();
    server = await startRedis({ directory });
    await expectUnharmed(server, writer, before);
    await server.stop();
  });
});
