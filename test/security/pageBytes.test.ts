/** Each read of a page of history is bounded in bytes, whatever was read before (PROTOCOL.md, J7). */
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { LATER } from '../../src/async/source.ts';
import type { Seq } from '../../src/domain/events.ts';
import type { RunId } from '../../src/domain/ids.ts';
import { LIMITS } from '../../src/domain/limits.ts';
import { RedisLogHub } from '../../src/log/hub.ts';
import { RedisLogReader } from '../../src/log/reader.ts';
import type { LogPage } from '../../src/log/viewer.ts';
import { createRun, finished, line, PlainWriter } from '../support/log.ts';
import { startRedis } from '../support/redis/redis.ts';
import { openAnnouncements } from '../support/runs/runs.ts';

class SpyingReader extends RedisLogReader {
  readonly pages: { readonly runId: RunId; readonly bytes: number; readonly entries: number }[] = [];
  override async forward(runId: RunId, after: Seq, most: number, signal?: AbortSignal): Promise<LogPage | null> {
    const page = await super.forward(runId, after, most, signal);
    if (page !== null) this.#note(runId, page);
    return page;
  }
  override async backward(runId: RunId, before: Seq, most: number, signal?: AbortSignal): Promise<LogPage | null> {
    const page = await super.backward(runId, before, most, signal);
    if (page !== null) this.#note(runId, page);
    return page;
  }
  #note(runId: RunId, { entries }: LogPage): void {
    this.pages.push({ runId, bytes: entries.reduce((sum, { size }) => sum + size, 0), entries: entries.length });
  }
}

const LARGEST_ENTRY = 1024 * 1024;

test('J7a: reading a quiet run first does not make the pages of a big run larger', async () => {
  await using server = await startRedis();
  const redis = await server.connect();
  const { connection, announcements } = await openAnnouncements(server);
  const reader = new SpyingReader(redis);
  const quiet = await new PlainWriter(redis, await createRun(redis)).claim();
  for (let i = 0; i < 1500; i += 1) await quiet.lines(1);
  await quiet.append([finished()]);
  const big = await new PlainWriter(redis, await createRun(redis)).claim();
  // Half of the entries compress well, half do not: the bound is on the bytes in the process's memory.
  for (let i = 0; i < 80; i += 1) {
    const text = i % 2 === 0 ? 'x'.repeat(50_000) : randomBytes(25_000).toString('hex');
    await big.append(Array.from({ length: 8 }, () => line(text)));
  }
  await big.append([finished()]);
  await using hub = new RedisLogHub({ reader, announcements, logger: pino({ level: 'silent' }) });
  for (const { runId, nextSeq } of [quiet, big]) {
    const viewer = await hub.open(runId, {});
    let lastSeq = 0;
    for (;;) {
      const pull = viewer.take();
      if (pull === null) break;
      if (pull === LATER) await viewer.more(AbortSignal.timeout(20_000));
      else lastSeq = pull.lastSeq;
    }
    viewer.close();
    expect(lastSeq).toBe(nextSeq - 1);
  }
  const pagesOf = (runId: RunId) => reader.pages.filter((page) => page.runId === runId);
  expect(Math.max(...reader.pages.map(({ bytes }) => bytes))).toBeLessThanOrEqual(LIMITS.pageBytes);
  // Many small entries still come in one page.
  expect(pagesOf(quiet.runId).length).toBeLessThan(20);
  expect(pagesOf(big.runId).length).toBeGreaterThan(15);
  connection.close();
});

test('J7a: readers that ask for many entries at once, forward and backward, get no more bytes either', async () => {
  await using server = await startRedis();
  const redis = await server.connect();
  const reader = new SpyingReader(redis);
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  for (let i = 0; i < 30; i += 1) await writer.append(Array.from({ length: 8 }, () => line('y'.repeat(50_000))));
  let seen = 0;
  for (let after = 0; ; ) {
    const page = await reader.forward(writer.runId, after, 1000);
    if (page === null || page.entries.length === 0) break;
    seen += page.entries.length;
    after = page.entries.at(-1)?.lastSeq ?? after;
  }
  expect(seen).toBe(31);
  for (let before = writer.nextSeq; before > 1; ) {
    const page = await reader.backward(writer.runId, before, 1000);
    before = page?.entries.at(-1)?.firstSeq ?? 1;
    seen -= page?.entries.length ?? 0;
  }
  expect(seen).toBe(0);
  // Backward, one more entry is read, which can begin before the position.
  expect(Math.max(...reader.pages.map(({ bytes }) => bytes))).toBeLessThanOrEqual(LIMITS.pageBytes + LARGEST_ENTRY);
});
