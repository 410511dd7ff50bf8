import { expect, test } from 'vitest';
import { Work, workTurn } from '../../../src/async/workTurn.ts';

test('clients take turns: a client with many requests delays only itself', async () => {
  const served: string[] = [];
  const ask = async (client: string): Promise<void> => {
    const turn = workTurn(client);
    if (turn !== null) await turn;
    served.push(client);
  };
  const all = [...Array.from({ length: 1000 }, () => ask('greedy')), ask('honest'), ask('other'), ask('honest')];
  await Promise.all(all);
  expect(served.filter((client) => client === 'greedy')).toHaveLength(1000);
  expect(served.lastIndexOf('honest')).toBeLessThan(20);
  expect(served.indexOf('other')).toBeLessThan(20);
});

test('a client with few requests does not wait', () => {
  expect(workTurn('somebody')).toBeNull();
});

/** CPU time of this thread, ms: shares are shares of it. */
const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};
/** Keeps the thread busy for so much CPU time. */
const busy = (ms: number): void => {
  for (const until = cpuMs() + ms; cpuMs() < until; );
};

test('a light request that arrives during long work is served after a few slices of it', async () => {
  let slices = 0;
  let over = false;
  const lane = async (): Promise<void> => {
    const work = new Work('heavy');
    while (!over) {
      await work.turn();
      busy(3);
      slices += 1;
    }
  };
  const lanes = Promise.all(Array.from({ length: 8 }, lane));
  while (slices < 30) await new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < 20; i += 1) {
    const before = slices;
    await workTurn('light');
    expect(slices - before).toBeLessThan(3);
  }
  over = true;
  await lanes;
});

test('S9f: a client that has been at work for long is served after a few slices of one that is new', async () => {
  const steady = new Work('steady');
  // Less than what makes a client greedy.
  for (let i = 0; i < 40; i += 1) {
    await steady.turn();
    busy(8);
  }
  let slices = 0;
  let over = false;
  const lane = async (client: string): Promise<void> => {
    const work = new Work(client);
    while (!over) {
      await work.turn();
      busy(3);
      slices += 1;
    }
  };
  const lanes = Promise.all(Array.from({ length: 8 }, () => lane('new')));
  const before = slices;
  for (let i = 0; i < 10; i += 1) {
    await workTurn('steady');
    await new Promise((resolve) => setImmediate(resolve));
  }
  // Two for each turn. (A collection of garbage counts for whom it interrupts.) If use decided, 100 before the first one.
  expect(slices - before).toBeLessThan(50);
  over = true;
  await lanes;
});

test('S9f: a client that was idle gets no more than others for it', async () => {
  const served: string[] = [];
  const lane = async (client: string, count: number): Promise<void> => {
    const work = new Work(client);
    for (let i = 0; i < count; i += 1) {
      await work.turn();
      busy(2);
      served.push(client);
    }
  };
  await lane('often', 50);
  await Promise.all([lane('often', 20), lane('seldom', 20)]);
  const shared = served.slice(50, 70);
  expect(shared.filter((client) => client === 'often').length).toBeGreaterThan(5);
  expect(shared.filter((client) => client === 'seldom').length).toBeGreaterThan(5);
});

test('a greedy client beside another has a third of the loop, or what the other leaves of it; alone it has all', async () => {
  let slices = 0;
  let over = false;
  const lane = async (): Promise<void> => {
    const work = new Work('greedy');
    while (!over) {
      await work.turn();
      busy(3);
      slices += 1;
    }
  };
  const lanes = Promise.all([lane(), lane()]);
  const round = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  /** How often the loop goes round without a slice, for each slice. */
  const idleRounds = async (until: number, each: () => Promise<void> | null): Promise<number> => {
    let idle = 0;
    const from = slices;
    while (slices < from + until) {
      const before = slices;
      await each();
      await round();
      if (slices === before) idle += 1;
    }
    return idle / until;
  };
  // More than 500 ms of work, with which it becomes greedy.
  await idleRounds(300, () => null);
  const alone = await idleRounds(50, () => null);
  const beside = await idleRounds(50, () => workTurn('modest'));
  expect(alone).toBeLessThan(3);
  expect(beside).toBeGreaterThan(10);
  over = true;
  await lanes;
});

test('work continues for a moment without a turn, then waits for one', async () => {
  const work = new Work('worker');
  expect(work.step()).toBeNull();
  busy(5);
  const turn = work.step();
  expect(turn).not.toBeNull();
  await turn;
  expect(work.step()).toBeNull();
});
