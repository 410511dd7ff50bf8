/** The bytes that one run can take in Redis are bounded, whatever its command prints. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunId } from '../../src/domain/ids.ts';
import { LIMITS } from '../../src/domain/limits.ts';
import { logKey, recordKey } from '../../src/wire/keys.ts';
import { request, startRun } from '../support/clients/client.ts';
import { storedEntries } from '../support/log.ts';
import { startRedis, type TestRedis } from '../support/redis/redis.ts';
import { readEvents, readRun, startExecutor, startingRun } from '../support/runs/executor.ts';
import { expectOneEnd, untilEnd } from '../support/runs/lifecycle.ts';
import { type DataDirectory, dataDirectory, type StartedService, spawnService } from '../support/startedService.ts';

const BUDGET = 2_000_000;
let redis: TestRedis;
let place: DataDirectory;
let service: StartedService;
let url = '';
beforeAll(async () => {
  redis = await startRedis();
  place = await dataDirectory();
  const env = { DATA_DIR: place.path, REDIS_URL: redis.url, MAX_LOG_BYTES: String(BUDGET), LAUNCHER: 'process' };
  service = spawnService({ env });
  url = await service.address();
});
afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await place?.[Symbol.asyncDispose]();
  await redis?.stop();
});

/** Prints `times` lines, each made by the expression of `x`: 15 kB that do not compress. */
const prints = (times: number, line: string): string[] => [
  process.execPath,
  '-e',
  `const { randomBytes } = require("crypto"); const { writeSync } = require("fs");
   for (let i = 0; i < ${times}; i += 1) { const x = randomBytes(11250).toString("base64"); writeSync(1, ${line} + "\\n"); }`,
];

test.each([
  ['fields of records', prints(600, 'JSON.stringify({ level: "info", msg: "m", x })')],
  [
    'stacks of records',
    prints(600, 'JSON.stringify({ level: "error", msg: "m", err: { message: "e", stack: "Error: e\\n    at " + x } })'),
  ],
  ['names of groups', prints(600, '"::group::" + x')],
  ['labels of progress', prints(600, '"::progress current=" + i + "::" + x')],
  ['outputs', prints(600, '"::output::" + JSON.stringify(x)')],
  ['its own events', prints(600, '"::event name=e::" + JSON.stringify(x)')],
  ['messages', prints(600, 'x')],
])('W5c: a run that prints %s has no more of them in Redis than its budget', async (_what, command) => {
  const id = await startRun(url, { command });
  const { events, run } = await expectOneEnd(url, id);
  expect(run).toMatchObject({ status: 'COMPLETED' });
  expect(run.lastSeq).toBeGreaterThan(600);
  expect(events.some(({ __typename }) => __typename === 'LinesDropped')).toBe(true);
  const keys = await redis.connect();
  const stored = await keys.memory('USAGE', logKey(id as RunId), 'SAMPLES', 0);
  expect(stored).toBeLessThan(1.5 * BUDGET);
});

test('W5c: empty lines count too, and the LinesDropped says exactly what was dropped', async () => {
  const id = await startRun(url, { command: ['sh', '-c', 'yes "" | head -n 6000000'] });
  const run = await untilEnd(url, id);
  const keys = await redis.connect();
  const entries = await storedEntries(keys, id as RunId);
  const kept = entries.reduce((sum, { isHole, firstSeq, lastSeq }) => sum + (isHole ? 0 : lastSeq - firstSeq + 1), 0);
  expect(kept).toBeLessThanOrEqual(BUDGET);
  expect(kept).toBeGreaterThan(BUDGET / 2);
  const dropped = 6_000_000 + (run.lastSeq - run.lines) - kept;
  expect(run).toMatchObject({ status: 'COMPLETED', lines: 6_000_000 });
  expect(entries.filter(({ isHole }) => isHole).flatMap((entry) => entry.events())).toMatchObject([
    { kind: 'LinesDropped', reason: 'LOG_LIMIT', count: dropped, droppedLines: dropped, droppedBytes: 0 },
  ]);
}, 120_000);

test('W14, W14a: a run with the largest possible number of events goes on to its end, and says what was not stored', async () => {
  const keys = await redis.connect();
  const command = [
    'sh',
    '-c',
    'for i in 1 2 3 4 5 6 7 8 9 10; do echo "line $i"; done; echo "::progress current=1::x"; echo err >&2; exit 3',
  ];
  const id = await startingRun(keys, { command, maxAttempts: 1 });
  const full = LIMITS.runEvents - 6;
  await keys.hset(recordKey(id), { lastSeq: String(full) });
  await using executor = await startExecutor(redis.url, id);
  expect(await executor.exited).toBe(0);
  const events = (await readEvents(keys, id)).filter(({ seq }) => seq > full);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => full + 1 + at));
  const hole = events.find((event) => event.kind === 'LinesDropped');
  const lines = events.filter((event) => event.kind === 'LogLine' && event.stream !== 'SYSTEM').length;
  expect(lines).toBe(4);
  expect(hole).toMatchObject({ fromSeq: hole?.seq, count: 8, droppedLines: 7, droppedBytes: 7 * 6 - 5 + 3 });
  expect(events).toContainEqual(expect.objectContaining({ kind: 'LogLine', stream: 'SYSTEM', level: 'WARNING' }));
  expect(events.at(-1)).toMatchObject({ kind: 'RunFinished', status: 'FAILED', exitCode: 3, lines: lines + 1 });
  expect(await readRun(keys, id)).toMatchObject({ closed: true, lines: lines + 1 });
});

test('numbers that are too large for Int do not make a list fail', async () => {
  const keys = await redis.connect();
  const id = await startRun(url, { command: ['true'] });
  await expectOneEnd(url, id);
  const huge = '3000000000';
  const all = { lines: huge, dropped: huge, lastSeq: huge, bytes: '9007199254740993', exitCode: huge };
  await keys.hset(recordKey(id as RunId), all);
  const fields = 'id status attempt lines bytes dropped lastSeq exitCode';
  const answer = await request(
    url,
    `{ runs(first: 50) { edges { node { ${fields} } } } run(id: "${id}") { ${fields} } }`,
  );
  expect(answer.errors).toBeUndefined();
  expect(answer.data?.run).toMatchObject({ lines: 2 ** 31 - 1, dropped: 2 ** 31 - 1, lastSeq: 2 ** 31 - 1 });
});
