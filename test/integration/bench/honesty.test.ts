/** The bench itself is correct: it counts each line of each viewer and detects a server that loses one. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { CONTENDERS } from '../../../bench/contenders.ts';
import type { Feed } from '../../../bench/feed/feed.ts';
import { flood, warmUp } from '../../../bench/feed/pace.ts';
import { linesFrom, splitLines, stampNow } from '../../../bench/lines.ts';
import { LineLost, Load } from '../../../bench/load/load.ts';
import { readOptions } from '../../../bench/options.ts';
import type { Part } from '../../../bench/parts/part.ts';
import { FILTERS } from '../../../bench/parts/viewers/filter.ts';
import { SELECTIONS } from '../../../bench/parts/viewers/selection.ts';
import { RECORDS } from '../../../bench/parts/viewers/structured.ts';
import { contenderOf } from '../../../bench/parts/viewers/variants.ts';
import { runParts } from '../../../bench/run.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const COMPLETE_MS = 30_000;

test.for(CONTENDERS)('Every viewer of $letter ($name) gets every line once and in order.', async (contender) => {
  const connection = await redis.connect();
  await using server = await contender.start({ redisUrl: redis.url });
  const { feed, target } = await contender.stage(connection);
  const targets = [target(server.port), target(server.port), target(server.port)];
  await using load = await Load.open({ targets, workers: 2, timed: true });
  await warmUp(feed, load);
  const pace = flood(feed, load, { batch: 100, window: 1000 });
  await load.until(() => load.last >= 2000);
  const last = await pace.stop();
  await load.complete(last, COMPLETE_MS);
  const { lines, latencies } = await load.count();
  expect(lines).toBe(3 * last);
  expect(latencies.reduce((sum, [, count]) => sum + count, 0)).toBe(3 * last);
});

test.for([RECORDS, ...FILTERS, ...SELECTIONS])(
  'Every viewer of "$name" gets every expected line once and in order.',
  async (variant) => {
    const connection = await redis.connect();
    const contender = contenderOf(variant);
    await using server = await contender.start({ redisUrl: redis.url });
    const { feed, target } = await contender.stage(connection);
    const targets = [target(server.port, 0), target(server.port, 1), target(server.port, 2)];
    await using load = await Load.open({ targets, workers: 2 });
    await warmUp(feed, load);
    const pace = flood(feed, load, { batch: 100, window: 1000 });
    await load.until(() => load.last >= 2000);
    const last = await pace.stop();
    await load.complete(last, COMPLETE_MS);
    expect((await load.count()).lines).toBe(3 * Math.floor(last / (targets[0]?.every ?? 1)));
  },
);

/** A plain forwarder in this process that treats one line of one viewer differently. */
const unreliable = async (change: (send: (text: string) => void, text: string) => void) => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await new Promise((resolve) => server.once('listening', resolve));
  const feed: Feed = {
    async write(text, _count, first) {
      for (const [i, line] of splitLines(text).entries()) {
        const [odd, ...others] = server.clients;
        for (const client of others) client.send(line);
        if (odd === undefined) continue;
        const send = (message: string): void => odd.send(message);
        if (first + i === 700) change(send, line);
        else send(line);
      }
      await Promise.resolve();
    },
  };
  const { port } = server.address() as { port: number };
  const dispose = async (): Promise<void> => {
    for (const client of server.clients) client.terminate();
    await new Promise((resolve) => server.close(resolve));
  };
  return { feed, port, [Symbol.asyncDispose]: dispose };
};

test.for([
  { fault: 'loses a line', change: () => undefined, told: 'line 701 came after line 699' },
  {
    fault: 'sends a line twice',
    change: (send: (text: string) => void, text: string) => {
      send(text);
      send(text);
    },
    told: 'line 700 came after line 700',
  },
])('A server that $fault to one of its viewers fails the bench.', async ({ change, told }) => {
  await using server = await unreliable(change);
  const target = { protocol: 'bare', port: server.port, path: '/' } as const;
  await using load = await Load.open({ targets: [target, target, target], workers: 1 });
  await warmUp(server.feed, load);
  await server.feed.write(linesFrom(1, 1000, stampNow()), 1000, 1);
  await expect(load.complete(1000, COMPLETE_MS)).rejects.toThrow(new LineLost(told));
});

test('If a part lost a line, the bench fails and names it, and the other parts are still measured.', async () => {
  await using server = await unreliable(() => undefined);
  const lossy: Part = {
    name: 'lossy',
    async run() {
      const target = { protocol: 'bare', port: server.port, path: '/' } as const;
      await using load = await Load.open({ targets: [target, target], workers: 1 });
      await warmUp(server.feed, load);
      await server.feed.write(linesFrom(1, 1000, stampNow()), 1000, 1);
      await load.complete(1000, COMPLETE_MS);
      return [];
    },
  };
  const sound: Part = { name: 'sound', run: () => Promise.resolve([{ title: 'T', rows: [{ a: 1 }] }]) };
  const said: string[] = [];
  const outcome = await runParts([lossy, sound], {
    server: redis,
    redis: await redis.connect(),
    options: readOptions([]),
    say: (line) => said.push(line),
    onSection: () => undefined,
  });
  expect(outcome.failures).toEqual(['lossy: LineLost: line 701 came after line 699']);
  expect(outcome.results).toEqual({ sound: [[{ a: 1 }]] });
  expect(said[0]).toMatch(/^\d+:\d\d part 1 of 2, lossy: FAILED: lossy: LineLost: line 701 came after line 699$/);
});

test('A load that was disposed can be disposed again.', async () => {
  await using server = await unreliable((send, text) => send(text));
  const target = { protocol: 'bare', port: server.port, path: '/' } as const;
  await using load = await Load.open({ targets: [target], workers: 1 });
  await load[Symbol.asyncDispose]();
});

test('A server that stops in the middle fails the bench.', async () => {
  await using server = await unreliable((send, text) => send(text));
  const target = { protocol: 'bare', port: server.port, path: '/' } as const;
  await using load = await Load.open({ targets: [target], workers: 1 });
  await warmUp(server.feed, load);
  await server.feed.write(linesFrom(1, 500, stampNow()), 500, 1);
  await expect(load.complete(1000, 500)).rejects.toThrow('after 500 ms a viewer is at line 500 of 1000');
});
