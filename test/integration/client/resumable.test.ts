/** The client against a server that sends what each test needs, over real sockets. */
import fc from 'fast-check';
import { createClient } from 'graphql-ws';
import { expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { resumable } from '../../../packages/client/src/resumable.ts';
import { BATCHES, batch, end, follow, LINES, line, serve } from '../../support/network/scriptedServer.ts';

test.each([
  ['batches', BATCHES],
  ['lines', LINES],
])(
  'S2: a client resumes after the last seq when the socket is cut, by %s, whatever the name of the field',
  async (by, query) => {
    const { url, asked } = await serve((one, turn) => {
      const from = Number(one.variables.after ?? 0) + 1;
      const events = turn < 6 ? [line(from), line(from + 1)] : [end(from)];
      if (by === 'batches') one.next(batch(...events));
      else for (const event of events) one.next({ log: event });
      if (turn < 6) setTimeout(() => one.close(turn % 2 === 0 ? 1001 : undefined), 5);
      else one.complete();
    });
    const log = follow(url, { query });
    expect(await log.over).toBe('complete');
    expect(log.seqs).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(asked.map(({ variables }) => variables?.after)).toEqual([undefined, 2, 4, 6, 8, 10]);
    expect(log.states.slice(0, 4)).toEqual(['connecting', 'live', 'reconnecting', 'live']);
    expect(log.states.at(-1)).toBe('ended');
    expect(log.completes()).toBe(1);
  },
);

test('S2a: with graphql-ws, which silently repeats its first variables, a client gets each event once', async () => {
  const { url, asked } = await serve((one, turn) => {
    one.next(batch(line(turn * 2 - 1), turn === 3 ? end(turn * 2) : line(turn * 2)));
    if (turn < 3) one.close(turn === 1 ? 1000 : 1012);
    else one.complete();
  });
  const log = follow(url, { client: { retryAttempts: 5, retryWait: () => Promise.resolve() } });
  expect(await log.over).toBe('complete');
  expect(log.seqs).toEqual([1, 2, 3, 4, 5, 6]);
  expect(asked.map(({ variables }) => variables?.after)).toEqual([undefined, 2, 4]);
  expect(log.states).toEqual(['connecting', 'live', 'reconnecting', 'live', 'reconnecting', 'live', 'ended']);
});

/** How one connection ends, after how many events; the sizes of its batches; how many events it repeats. */
const connection = fc.record({
  events: fc.nat({ max: 12 }),
  batch: fc.integer({ min: 1, max: 5 }),
  repeats: fc.nat({ max: 3 }),
  end: fc.constantFrom('cut', 'away', 'normal', 'complete', 'unavailable'),
});

test.each([0, 1000])(
  'whatever the connections do, each event comes once, in order, with %i retries of graphql-ws',
  async (own) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(connection, { maxLength: 6 }),
        fc.integer({ min: 1, max: 25 }),
        async (script, length) => {
          const log = Array.from({ length }, (_, i) => (i + 1 === length ? end(i + 1) : line(i + 1)));
          const serving = await serve((one, turn) => {
            const plan = script[turn - 1];
            const after = Number(one.variables.after ?? 0);
            const rest = log.slice(Math.max(0, after - (plan?.repeats ?? 0)), plan ? after + plan.events : length);
            for (let i = 0; i < rest.length; i += plan?.batch ?? 100)
              one.next(batch(...rest.slice(i, i + (plan?.batch ?? 100))));
            if (plan === undefined || rest.at(-1)?.seq === length) return one.complete();
            // A complete without new events means that there are no more: the server sends it only at the end.
            if (plan.end === 'complete' && plan.events > 0) return one.complete();
            if (plan.end === 'unavailable') return one.error('UNAVAILABLE');
            one.close(plan.end === 'away' ? 1001 : plan.end === 'normal' ? 1000 : undefined);
          });
          const retry = { retryAttempts: own, shouldRetry: () => true, retryWait: () => Promise.resolve() };
          const followed = follow(serving.url, { client: retry, helper: { maxPauseMs: 1 } });
          expect(await followed.over).toBe('complete');
          expect(followed.seqs).toEqual(log.map(({ seq }) => seq));
          expect(followed.states.at(-1)).toBe('ended');
          serving.stop();
        },
      ),
      { numRuns: 60 },
    );
  },
);

test('drops events it already had, also inside a batch, and keeps a LinesDropped that reaches further', async () => {
  const { url } = await serve((one) => {
    one.next(batch(line(1), line(2)));
    one.next(batch(line(1), line(2)));
    one.next(batch(line(2), line(3)));
    one.next(batch({ __typename: 'LinesDropped', fromSeq: 4, seq: 9 }));
    one.next(batch({ __typename: 'LinesDropped', fromSeq: 4, seq: 9 }, end(10)));
    one.complete();
  });
  const log = follow(url);
  await log.over;
  expect(log.seqs).toEqual([1, 2, 3, 9, 10]);
  expect(log.results).toHaveLength(4);
});

test('starts after the given `after` and drops events before it', async () => {
  const { url, asked } = await serve((one) => {
    one.next(batch(line(7), line(8), end(9)));
    one.complete();
  });
  const log = follow(url, { variables: { after: 7 } });
  await log.over;
  expect(log.seqs).toEqual([8, 9]);
  expect(asked[0]?.variables).toEqual({ after: 7 });
});

test('advances with an empty batch of a filter, and hands it out', async () => {
  const { url, asked } = await serve((one, turn) => {
    if (turn > 1) return one.complete();
    one.next({ log: { lastSeq: 40, events: [] } });
    one.close();
  });
  const log = follow(url, { variables: { filter: { types: ['LogLine'] } } });
  await log.over;
  expect(asked[1]?.variables).toEqual({ filter: { types: ['LogLine'] }, after: 40 });
  expect(log.results).toHaveLength(1);
});

test('after a complete without RunFinished it asks again, and ends if nothing new comes', async () => {
  const { url, asked } = await serve((one, turn) => {
    if (turn < 3) one.next(batch(line(turn)));
    one.complete();
  });
  const log = follow(url);
  expect(await log.over).toBe('complete');
  expect(log.seqs).toEqual([1, 2]);
  expect(asked).toHaveLength(3);
  const { url: finished, asked: once } = await serve((one) => one.complete());
  expect(await follow(finished, { variables: { after: 9 } }).over).toBe('complete');
  expect(once).toHaveLength(1);
});

test('marks the result with RunFinished as the last one', async () => {
  const { url } = await serve((one) => {
    one.next(batch(line(1)));
    one.next(batch(end(2)));
    one.complete();
  });
  const log = follow(url);
  await log.over;
  expect(log.results.map(({ hasNext }) => hasNext)).toEqual([undefined, false]);
});

test('ends if the socket is cut between RunFinished and complete', async () => {
  const { url, asked } = await serve((one) => {
    one.next(batch(line(1), end(2)));
    setTimeout(() => one.close(), 5);
  });
  const log = follow(url);
  expect(await log.over).toBe('complete');
  expect(asked).toHaveLength(1);
});

test.each(['NOT_FOUND', 'BAD_USER_INPUT', 'INTERNAL_SERVER_ERROR'])('an error %s is final', async (code) => {
  const { url, asked } = await serve((one) => {
    one.next(batch(line(1)));
    one.error(code);
  });
  const log = follow(url);
  expect(await log.over).toMatchObject([{ extensions: { code } }]);
  expect(asked).toHaveLength(1);
  expect(log.states.at(-1)).toBe('ended');
});

test('UNAVAILABLE is tried again, from the first time on', async () => {
  const { url } = await serve((one, turn) => {
    if (turn < 4) return one.error('UNAVAILABLE');
    one.next(batch(end(1)));
    one.complete();
  });
  const log = follow(url);
  expect(await log.over).toBe('complete');
  expect(log.seqs).toEqual([1]);
});

test.each([1009, 4400, 4409])('a close with %i is final', async (code) => {
  const { url, asked } = await serve((one) => one.close(code));
  expect(await follow(url).over).toMatchObject({ code });
  expect(asked).toHaveLength(1);
});

test('an error thrown by the sink ends the subscription with that error', async () => {
  const { url, asked } = await serve((one) => one.next(batch(line(1))));
  const client = resumable(createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0 }));
  const error = await new Promise((resolve) => {
    const next = (): void => {
      throw new Error('mine');
    };
    client.subscribe({ query: BATCHES }, { next, error: resolve, complete: () => resolve(null) });
  });
  expect(error).toMatchObject({ message: 'mine' });
  expect(asked).toHaveLength(1);
});

test('retries for ever, with pauses that are random, grow and are bounded', async () => {
  const { url } = await serve(() => undefined);
  const closed = new URL(url);
  closed.port = '1';
  const random = vi.spyOn(Math, 'random').mockReturnValue(1 / 512);
  onTestFinished(() => void random.mockRestore());
  const timers = vi.spyOn(globalThis, 'setTimeout');
  onTestFinished(() => void timers.mockRestore());
  const log = follow(closed.href, { helper: { maxPauseMs: 4096 } });
  const pauses = (): number[] => timers.mock.calls.map(([, ms]) => ms ?? 0).filter((ms) => ms > 0 && ms <= 8);
  await vi.waitUntil(() => pauses().length >= 9, { timeout: 20_000, interval: 20 });
  log.stop();
  expect(await log.over).toBe('complete');
  expect(log.completes()).toBe(1);
  const [first, second, third] = pauses();
  expect([first, second, third]).toEqual([500 / 512, 1000 / 512, 2000 / 512]);
  expect(pauses().slice(4)).toEqual(Array(pauses().length - 4).fill(8));
  // Each failed try is reported, with its number.
  expect(log.states).toEqual(['connecting', ...Array(log.details.length - 2).fill('reconnecting'), 'ended']);
  const tries = log.details.slice(1, -1).map((details) => details.tries);
  expect(tries).toEqual(tries.map((_, i) => i + 1));
  expect(log.details[1]).toMatchObject({ code: 1006, reason: expect.stringContaining('ECONNREFUSED') });
});

test('stops at once, live or while it waits to retry, and only once', async () => {
  const { url, asked } = await serve((one, turn) => {
    one.next(batch(line(turn)));
    if (turn === 2) one.close();
  });
  const live = follow(url);
  await vi.waitUntil(() => live.seqs.length === 1, { timeout: 20_000 });
  live.stop();
  live.stop();
  expect(await live.over).toBe('complete');
  const waiting = follow(url, { helper: { maxPauseMs: 1e9 } });
  // The longest pause: the next try comes after the stop.
  const random = vi.spyOn(Math, 'random').mockReturnValue(1);
  await vi.waitUntil(() => waiting.seqs.length === 1, { timeout: 20_000 });
  random.mockRestore();
  waiting.stop();
  waiting.stop();
  expect(await waiting.over).toBe('complete');
  expect([live.completes(), waiting.completes(), asked.length]).toEqual([1, 1, 2]);
});

test('a client that leaves at RunFinished, before complete has come, leaves no socket open', async () => {
  for (let i = 0; i < 10; i += 1) {
    const { url } = await serve((one) => {
      one.next(batch(end(1)));
      one.complete();
    });
    const closed = Promise.withResolvers<void>();
    const log = follow(url, { client: { on: { closed: () => closed.resolve() } }, onNext: (stop) => stop() });
    expect(await log.over).toBe('complete');
    await closed.promise;
    expect(log.completes()).toBe(1);
  }
});

test('dispose ends all subscriptions and opens no new socket', async () => {
  const { url, asked } = await serve((one) => one.next(batch(line(1))));
  const log = follow(url);
  await vi.waitUntil(() => log.seqs.length === 1, { timeout: 20_000 });
  await log.client.dispose();
  expect(await log.over).toBe('complete');
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(asked).toHaveLength(1);
});

test('another kind of subscription starts again after a lost connection and ends with its complete', async () => {
  const run = (lastSeq: number) => ({ runUpdated: { __typename: 'Run', id: '1', lastSeq } });
  const { url, asked } = await serve((one, turn) => {
    one.next(run(turn));
    if (turn < 3) one.close(1001);
    else one.complete();
  });
  const log = follow(url, { query: 'subscription { runUpdated(runId: "1") { id lastSeq } }' });
  expect(await log.over).toBe('complete');
  expect(log.results).toHaveLength(3);
  expect(asked.map(({ variables }) => variables)).toEqual([{}, {}, {}]);
});

test('queries and mutations pass through: a lost mutation is not sent again', async () => {
  const { url, asked } = await serve((one) => one.close(1001));
  const log = follow(url, { query: 'mutation { startRun(input: { name: "a subscription" }) { run { id } } }' });
  expect(await log.over).toMatchObject({ code: 1001 });
  expect(asked).toHaveLength(1);
  expect(log.states).toEqual([]);
});

test('errors of a result are passed on unchanged', async () => {
  const { url } = await serve((one) => {
    one.next(null, [{ message: 'no' }]);
    one.next(batch(end(1)));
    one.complete();
  });
  const log = follow(url);
  await log.over;
  expect(log.results[0]).toMatchObject({ data: null, errors: [{ message: 'no' }] });
});
