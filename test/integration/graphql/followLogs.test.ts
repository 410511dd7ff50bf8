import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EventDraft } from '../../../src/domain/events.ts';
import type { RunId } from '../../../src/domain/ids.ts';
import { LIMITS } from '../../../src/domain/limits.ts';
import type { RunStatus } from '../../../src/domain/run.ts';
import { Follower, sha256 } from '../../support/clients/follower.ts';
import { openHttp, post, type TestApi } from '../../support/clients/http.ts';
import { finished, line, PlainWriter } from '../../support/log.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

const WITHIN = { timeout: 30_000, interval: 20 } as const;
/** Each test follows its own runs. */
const labelled = (group: string) => ({ labels: [{ name: 'group', value: group }] });

class Run {
  readonly name: string;
  readonly id: RunId;
  readonly writer: PlainWriter;
  readonly written: string[] = [];

  constructor(name: string, id: RunId) {
    this.name = name;
    this.id = id;
    this.writer = new PlainWriter(api.redis, id);
  }

  static async start(group: string, name: string): Promise<Run> {
    const input = { command: ['true'], name, ...labelled(group) };
    const document = 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id } } }';
    const { data } = await post(api.url, document, { input });
    const run = new Run(name, data.startRun.run.id);
    await run.writer.claim();
    return run;
  }

  async lines(count: number, text = this.name): Promise<void> {
    const messages = Array.from({ length: count }, (_, i) => `${text} ${this.written.length + i}`);
    this.written.push(...messages);
    await this.writer.append(messages.map(line));
  }
  async status(status: RunStatus): Promise<void> {
    const startedAt = status === 'RUNNING' ? { startedAt: Date.now() } : {};
    await this.writer.append([changed(status)], undefined, { status, ...startedAt });
  }
  async end(): Promise<void> {
    const finishedAt = Date.now();
    await this.writer.append([finished()], undefined, { status: 'COMPLETED', finishedAt });
  }
}
const changed = (status: RunStatus): EventDraft => ({
  kind: 'StatusChanged',
  timestamp: Date.now(),
  status,
  previous: null,
  detail: null,
});

test('S13: runs that match are followed from their last lines, later ones from their first event, each to its end', async () => {
  const ended = await Run.start('first', 'ended');
  await ended.lines(30);
  await ended.end();
  const running = await Run.start('first', 'running');
  await running.lines(30);
  await using follower = await new Follower(api.url, { filter: labelled('first'), tail: 5 }).connect();
  await expect.poll(() => follower.changes, WITHIN).toEqual(expect.arrayContaining(['ENDED ended', 'JOINED running']));
  const later = await Run.start('first', 'later');
  await later.lines(40);
  await running.lines(3);
  await later.end();
  await running.end();
  await expect.poll(() => follower.changes.filter((change) => change.startsWith('ENDED')).length, WITHIN).toBe(3);
  expect(follower.lines(ended.id)).toEqual(ended.written.slice(-5));
  expect(follower.lines(running.id)).toEqual(running.written.slice(-8));
  expect(follower.lines(later.id)).toEqual(later.written);
  expect([follower.broken, [ended, running, later].map(({ id }) => follower.hasEnd(id))]).toEqual([
    [],
    [true, true, true],
  ]);
  for (const { name } of [ended, running, later]) {
    const own = follower.changes.filter((change) => change.endsWith(` ${name}`));
    expect(own).toEqual([`JOINED ${name}`, `ENDED ${name}`]);
  }
});

test('S13a: 30 runs that start and end while the connection breaks again and again arrive whole, each line once', async () => {
  await using follower = await new Follower(api.url, { filter: labelled('many') }).connect();
  const runs: Run[] = [];
  const write = async (index: number): Promise<void> => {
    const run = await Run.start('many', `run ${index}`);
    runs.push(run);
    for (let batch = 0; batch < 6; batch += 1) await run.lines(1 + ((index * 7 + batch * 13) % 40));
    await run.end();
  };
  let written = 0;
  const writing = (async () => {
    for (let wave = 0; wave < 6; wave += 1) {
      await Promise.all(Array.from({ length: 5 }, (_, i) => write(wave * 5 + i)));
      written += 5;
    }
  })();
  for (let cuts = 0; cuts < 6; cuts += 1) {
    await expect.poll(() => written, WITHIN).toBeGreaterThanOrEqual(cuts * 5);
    await follower.cut();
    await follower.connect();
  }
  await writing;
  await expect.poll(() => runs.filter(({ id }) => follower.hasEnd(id)).length, WITHIN).toBe(30);
  expect(follower.broken).toEqual([]);
  for (const run of runs) expect(sha256(follower.lines(run.id))).toBe(sha256(run.written));
}, 60_000);

test('S13b: with a filter by status, a run joins when it matches, is left when not, and goes on where it was', async () => {
  const filter = { ...labelled('status'), status: ['RUNNING'] };
  await using follower = await new Follower(api.url, { filter }).connect();
  const run = await Run.start('status', 'one');
  await run.lines(20, 'before');
  await run.status('RUNNING');
  await run.lines(3);
  await expect.poll(() => follower.lines(run.id).length, WITHIN).toBe(23);
  await run.status('PENDING');
  await expect.poll(() => follower.changes, WITHIN).toEqual(['JOINED one', 'ENDED one']);
  await run.lines(2, 'unseen');
  await run.status('RUNNING');
  await run.lines(2, 'seen');
  await run.end();
  await expect.poll(() => follower.changes, WITHIN).toEqual(['JOINED one', 'ENDED one', 'JOINED one', 'ENDED one']);
  expect(follower.lines(run.id)).toEqual(run.written);
  expect([follower.broken, follower.hasEnd(run.id)]).toEqual([[], true]);
});

test('S13a: a run with a position goes on after it, even if it no longer matches', async () => {
  const run = await Run.start('resume', 'one');
  await run.status('RUNNING');
  await run.lines(50);
  await run.end();
  const filter = { ...labelled('resume'), status: ['RUNNING'] };
  const positions = [
    { runId: run.id, after: 12 },
    { runId: 'none', after: 3 },
    { runId: '01900000-0000-7000-8000-000000000000', after: 3 },
  ];
  await using follower = await new Follower(api.url, { filter, positions, tail: 1 }).connect();
  await expect.poll(() => follower.changes, WITHIN).toEqual(['JOINED one', 'ENDED one']);
  expect(follower.events.get(run.id)?.[0]?.seq).toBe(13);
  const beyond = [{ runId: run.id, after: 5000 }];
  await using wrong = await new Follower(api.url, { filter, positions: beyond }).connect();
  await expect
    .poll(() => wrong.error, WITHIN)
    .toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', argument: 'positions' } }]);
});

test('the log filter takes out events, and tail counts the lines that it selects', async () => {
  const run = await Run.start('filtered', 'one');
  for (let i = 0; i < 30; i += 1) await run.writer.append([line(`good ${i}`), line(`bad ${i}`), changed('RUNNING')]);
  const variables = { filter: labelled('filtered'), log: { contains: 'bad' }, tail: 4 };
  await using follower = await new Follower(api.url, variables).connect();
  await expect.poll(() => follower.lines(run.id), WITHIN).toEqual(['bad 26', 'bad 27', 'bad 28', 'bad 29']);
  await run.writer.append([line('good'), line('bad')]);
  await run.end();
  await expect.poll(() => follower.changes, WITHIN).toEqual(['JOINED one', 'ENDED one']);
  expect(follower.lines(run.id).at(-1)).toBe('bad');
});

test('S4: if a followed run is removed, it alone ends', async () => {
  const [gone, other] = [await Run.start('removed', 'gone'), await Run.start('removed', 'other')];
  await using follower = await new Follower(api.url, { filter: labelled('removed') }).connect();
  await expect.poll(() => follower.changes.length, WITHIN).toBe(2);
  await api.redis.del(`run:{${gone.id}}`, `run:{${gone.id}}:log`);
  await expect.poll(() => follower.changes, WITHIN).toContain('ENDED gone');
  await other.lines(2);
  await expect.poll(() => follower.lines(other.id), WITHIN).toEqual(other.written);
  expect(follower.error).toBeNull();
});

test('S13c: a client that reads nothing for a while gets every line of all runs', async () => {
  await using follower = await new Follower(api.url, { filter: labelled('slow') }).connect();
  const runs = await Promise.all(['a', 'b', 'c'].map((name) => Run.start('slow', name)));
  await expect.poll(() => follower.changes.length, WITHIN).toBe(3);
  follower.socket?.socket.pause();
  for (let batch = 0; batch < 12; batch += 1) {
    await Promise.all(runs.map((run) => run.lines(1000, `${run.name} ${'x'.repeat(300)}`)));
  }
  await Promise.all(runs.map((run) => run.end()));
  follower.socket?.socket.resume();
  await expect.poll(() => runs.filter(({ id }) => follower.hasEnd(id)).length, WITHIN).toBe(3);
  expect(follower.broken).toEqual([]);
  for (const run of runs) expect(sha256(follower.lines(run.id))).toBe(sha256(run.written));
}, 60_000);

test('S13d: runs beyond the limit are told WAITING, and are followed whole when others end', async () => {
  await using follower = await new Follower(api.url, { filter: labelled('crowd') }).connect();
  const runs: Run[] = [];
  const count = LIMITS.followedRuns + 3;
  while (runs.length < count) {
    const names = Array.from({ length: Math.min(20, count - runs.length) }, (_, i) => `run ${runs.length + i}`);
    runs.push(...(await Promise.all(names.map((name) => Run.start('crowd', name)))));
  }
  const told = (change: string): number => follower.changes.filter((one) => one.startsWith(change)).length;
  await expect.poll(() => [told('JOINED'), told('WAITING')], WITHIN).toEqual([LIMITS.followedRuns, 3]);
  await Promise.all(runs.map((run) => run.lines(20)));
  await Promise.all(runs.map((run) => run.end()));
  await expect.poll(() => told('ENDED'), WITHIN).toBe(count);
  expect(follower.broken).toEqual([]);
  for (const run of runs) expect(follower.lines(run.id)).toEqual(run.written);
}, 60_000);

test('S13e: after Redis was away, runs that started meanwhile are followed too, and no line is lost', async () => {
  await using follower = await new Follower(api.url, { filter: labelled('away') }).connect();
  const run = await Run.start('away', 'old');
  await run.lines(5);
  await expect.poll(() => follower.lines(run.id).length, WITHIN).toBe(5);
  // What is published while the connection is cut reaches nobody.
  await api.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  const young = await Run.start('away', 'young');
  await young.lines(30);
  await run.lines(5);
  await Promise.all([run, young].map((one) => one.end()));
  await expect.poll(() => [run, young].map(({ id }) => follower.hasEnd(id)), WITHIN).toEqual([true, true]);
  for (const one of [run, young]) expect(follower.lines(one.id)).toEqual(one.written);
  expect(follower.broken).toEqual([]);
}, 60_000);

test('when the last follower has left, nothing is followed any more', async () => {
  const run = await Run.start('leaving', 'one');
  const follower = await new Follower(api.url, { filter: labelled('leaving') }).connect();
  await expect.poll(() => follower.changes, WITHIN).toEqual(['JOINED one']);
  await follower.cut();
  await expect.poll(() => api.hub.feeds, WITHIN).toBe(0);
  await run.end();
});

test.each<[string, Record<string, unknown>]>([
  ['positions', { positions: Array.from({ length: LIMITS.followPositions + 1 }, () => ({ runId: 'x', after: 1 })) }],
  ['positions.0.after', { positions: [{ runId: 'x', after: -1 }] }],
  ['tail', { tail: -1 }],
  ['log.attempt', { log: { attempt: 0 } }],
  ['filter.text', { filter: { text: 'x'.repeat(300) } }],
])('arguments of logs that are not valid are BAD_USER_INPUT: %s', async (argument, more) => {
  await using follower = await new Follower(api.url, { filter: {}, ...more }).connect();
  await expect.poll(() => follower.error, WITHIN).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', argument } }]);
});
