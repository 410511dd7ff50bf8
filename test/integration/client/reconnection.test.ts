/** Many subscriptions on one socket, refused connections, and what the client reports about them. */
import { createClient } from 'graphql-ws';
import { expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { type FollowDetails, type FollowState, resumable } from '../../../packages/client/src/resumable.ts';
import { BATCHES, batch, end, follow, line, serve } from '../../support/network/scriptedServer.ts';

const socketClient = (url: string, more: Partial<Parameters<typeof createClient>[0]> = {}) =>
  createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, ...more });
const sink = { next: () => undefined, error: () => undefined, complete: () => undefined };

test('a hundred subscriptions share one back-off, and resume together when the socket is back', async () => {
  let away = false;
  const serving = await serve(
    (one) => {
      one.next(batch(line(Number(one.variables.after ?? 0) + 1)));
    },
    { refuse: () => (away ? 503 : undefined) },
  );
  const states: FollowState[] = [];
  const resumed = new Map<number, number>();
  const client = resumable(socketClient(serving.url), { maxPauseMs: 100, onState: (state) => states.push(state) });
  onTestFinished(() => void client.dispose());
  for (let i = 0; i < 100; i += 1) {
    client.subscribe(
      { query: BATCHES, variables: { runId: String(i) } },
      { ...sink, next: () => resumed.set(i, (resumed.get(i) ?? 0) + 1) },
    );
  }
  const allHave = (results: number) => () => resumed.size === 100 && [...resumed.values()].every((n) => n >= results);
  await vi.waitUntil(allHave(1), { timeout: 20_000 });
  expect(serving.connections()).toBe(1);
  away = true;
  serving.cut();
  await vi.waitUntil(() => serving.connections() > 8, { timeout: 20_000 });
  const timers = vi.spyOn(globalThis, 'setTimeout');
  onTestFinished(() => void timers.mockRestore());
  away = false;
  const refused = serving.connections();
  await vi.waitUntil(allHave(2), { timeout: 20_000 });
  // One retry is one more connection for all hundred subscriptions; no subscription has its own pause.
  expect(serving.connections() - refused).toBeLessThanOrEqual(2);
  expect(serving.asked).toHaveLength(200);
  expect(new Set(serving.asked.slice(100).map(({ variables }) => variables?.after))).toEqual(new Set([1]));
  expect(states.filter((state) => state === 'live')).toHaveLength(200);
});

test('a subscription made while the socket is away waits with the others', async () => {
  const serving = await serve((one) => one.next(batch(line(1))), { refuse: () => 503 });
  const log = follow(serving.url, { helper: { maxPauseMs: 1e9 } });
  await vi.waitUntil(() => log.states.includes('reconnecting'), { timeout: 20_000 });
  vi.spyOn(Math, 'random').mockReturnValue(1);
  onTestFinished(() => void vi.restoreAllMocks());
  await vi.waitUntil(() => log.details.at(-1)?.tries === 2, { timeout: 20_000 });
  const before = serving.connections();
  for (let i = 0; i < 50; i += 1) log.client.subscribe({ query: BATCHES }, sink);
  await new Promise((resolve) => setImmediate(resolve));
  expect(serving.connections()).toBe(before);
});

test('a lost connection is reported with its close code, its reason, the number of tries and the run', async () => {
  const { url } = await serve(
    (one) => {
      if (one.connection === 1) {
        one.next(batch(line(1)));
        return one.close(1001, 'The server stops');
      }
      one.next(batch(end(2)));
      one.complete();
    },
    { refuse: (connection) => (connection === 2 || connection === 3 ? 503 : undefined) },
  );
  const log = follow(url, { variables: { runId: 'abc' } });
  expect(await log.over).toBe('complete');
  const told = log.states.map((state, i) => [state, log.details[i]?.tries, log.details[i]?.code]);
  expect(told).toEqual([
    ['connecting', 0, null],
    ['live', 0, null],
    ['reconnecting', 1, 1001],
    ['reconnecting', 2, 1006],
    ['reconnecting', 3, 1006],
    ['live', 0, null],
    ['ended', 0, null],
  ]);
  expect(log.details.map(({ runId }) => runId)).toEqual(Array(7).fill('abc'));
  expect(log.details[2]?.reason).toBe('The server stops');
  expect(log.details[3]?.reason).toContain('503');
});

test.each([400, 401, 403, 404, 426])(
  'a handshake refused with %i is reported, and final at the third time',
  async (status) => {
    const serving = await serve(() => undefined, { refuse: () => status });
    const log = follow(serving.url);
    expect(await log.over).toMatchObject({ message: expect.stringContaining(String(status)) });
    expect(serving.connections()).toBe(3);
    expect(log.states).toEqual(['connecting', 'reconnecting', 'reconnecting', 'reconnecting', 'ended']);
    expect(log.details.slice(1).map(({ reason }) => reason)).toEqual(
      Array(4).fill(expect.stringContaining(`${status}`)),
    );
  },
);

test.each([408, 425, 429, 500, 502, 503, 504])('a handshake refused with %i is tried again', async (status) => {
  const serving = await serve(
    (one) => {
      one.next(batch(end(1)));
      one.complete();
    },
    { refuse: (connection) => (connection < 6 ? status : undefined) },
  );
  expect(await follow(serving.url).over).toBe('complete');
  expect(serving.connections()).toBe(6);
});

test('after it has been connected, a client keeps trying through a proxy that answers 404 while the service is replaced', async () => {
  const serving = await serve(
    (one) => {
      one.next(batch(one.connection === 1 ? line(1) : end(2)));
      if (one.connection === 1) one.close(1001);
      else one.complete();
    },
    { refuse: (connection) => (connection > 1 && connection < 8 ? 404 : undefined) },
  );
  const log = follow(serving.url);
  expect(await log.over).toBe('complete');
  expect(log.seqs).toEqual([1, 2]);
  expect(log.details.filter(({ reason }) => reason?.includes('404'))).toHaveLength(6);
});

test('if the WebSocket gives no cause, as in a browser, the reason names the possible causes', async () => {
  /** Like browsers: an error event without a message, then 1006. */
  class Browser extends WebSocket {
    override emit(event: string | symbol, ...args: unknown[]): boolean {
      return super.emit(event as 'error', ...((event === 'error' ? [{ message: '' }] : args) as [Error]));
    }
  }
  const { url } = await serve(() => undefined, { refuse: () => 403 });
  const log = follow(url, { client: { webSocketImpl: Browser } });
  await vi.waitUntil(() => (log.details.at(-1)?.tries ?? 0) >= 5, { timeout: 20_000 });
  expect(log.details.at(-1)).toMatchObject({ code: 1006, reason: expect.stringContaining('ALLOWED_ORIGINS') });
  log.stop();
});

test('after 4403 it reconnects with a new token from connectionParams, and misses nothing', async () => {
  const tokens: unknown[] = [];
  let made = 0;
  const { url } = await serve((one) => {
    tokens.push(one.params);
    const from = Number(one.variables.after ?? 0) + 1;
    one.next(batch(line(from)));
    if (one.connection < 6) return one.close(4403, 'Expired');
    one.next(batch(end(from + 1)));
    one.complete();
  });
  const connectionParams = async () => {
    made += 1;
    return { authorization: `Bearer ${made}` };
  };
  const log = follow(url, { client: { connectionParams } });
  expect(await log.over).toBe('complete');
  expect(log.seqs).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(tokens).toEqual([1, 2, 3, 4, 5, 6].map((i) => ({ authorization: `Bearer ${i}` })));
});

test.each([4401, 4403])('%i for a token that was accepted is followed by a new try, however often', async (code) => {
  const { url, asked } = await serve((one, turn) => {
    if (turn < 8) return one.close(code);
    one.next(batch(end(1)));
    one.complete();
  });
  expect(await follow(url).over).toBe('complete');
  expect(asked).toHaveLength(8);
});

test('a token that is refused is final: 4401 at once if none was accepted before, else at the third time in a row', async () => {
  const follows = async (admit: (connection: number) => number | undefined) => {
    const serving = await serve((one) => one.close(), { admit });
    const log = follow(serving.url);
    expect(await log.over).toMatchObject({ code: admit(99) });
    expect(log.details.at(-1)).toMatchObject({ code: admit(99) });
    return serving.connections();
  };
  expect(await follows(() => 4401)).toBe(1);
  expect(await follows(() => 4403)).toBe(3);
  expect(await follows((connection) => (connection === 1 ? undefined : 4401))).toBe(4);
  expect(await follows((connection) => (connection === 3 ? undefined : 4403))).toBe(6);
});

test('a connectionParams that fails is called again, and its error is reported', async () => {
  let calls = 0;
  const { url } = await serve((one) => {
    one.next(batch(end(1)));
    one.complete();
  });
  const connectionParams = async () => {
    calls += 1;
    if (calls < 4) throw new Error('no token to be had');
    return {};
  };
  const log = follow(url, { client: { connectionParams } });
  expect(await log.over).toBe('complete');
  expect(calls).toBe(4);
  expect(log.details[1]?.reason).toContain('no token to be had');
});

test('a sink that throws ends its own subscription and no other', async () => {
  const serving = await serve((one, turn) => {
    one.next(batch(line(1)));
    if (turn === 2) {
      one.next(batch(end(2)));
      one.complete();
    }
  });
  const client = resumable(socketClient(serving.url));
  onTestFinished(() => void client.dispose());
  const next = (): void => {
    throw new Error('mine');
  };
  const failed = new Promise((error) => client.subscribe({ query: BATCHES }, { ...sink, next, error }));
  const other = new Promise((resolve, reject) =>
    client.subscribe({ query: BATCHES }, { ...sink, error: reject, complete: () => resolve('complete') }),
  );
  expect(await failed).toMatchObject({ message: 'mine' });
  expect(await other).toBe('complete');
  expect(serving.connections()).toBe(1);
});

test.each([true, false])(
  'a subscription whose filter passes nothing still counts as live, with a lazy client: %s',
  async (lazy) => {
    const { url } = await serve((one) => {
      if (one.connection === 1) setTimeout(() => one.close(1001), 20);
    });
    const log = follow(url, { client: { lazy, onNonLazyError: () => undefined } });
    await vi.waitUntil(() => log.states.length >= 4, { timeout: 20_000 });
    expect(log.states).toEqual(['connecting', 'live', 'reconnecting', 'live']);
    // A second one on the open socket too.
    const states: [FollowState, FollowDetails][] = [];
    const { client } = log;
    client.subscribe({ query: BATCHES }, sink);
    await vi.waitUntil(() => log.states.length >= 6, { timeout: 20_000 });
    expect(log.states.slice(4)).toEqual(['connecting', 'live']);
    expect(states).toEqual([]);
  },
);

test('an error with retryAfterSeconds is tried again after that time', async () => {
  const { url, asked } = await serve((one, turn) => {
    if (turn === 1) {
      return one.errors([{ message: 'Too many', extensions: { code: 'LIMIT_EXCEEDED', retryAfterSeconds: 0.01 } }]);
    }
    one.next(batch(end(1)));
    one.complete();
  });
  const log = follow(url);
  expect(await log.over).toBe('complete');
  expect(asked).toHaveLength(2);
  expect(log.details.find(({ tries }) => tries === 1)?.reason).toBe('Too many');
  const { url: refusing } = await serve((one) => one.error('LIMIT_EXCEEDED'));
  expect(await follow(refusing).over).toMatchObject([{ extensions: { code: 'LIMIT_EXCEEDED' } }]);
});

test('close code 4429 with a time is tried again after that time, and without a time it is final', async () => {
  const closedAt: number[] = [];
  const askedAt: number[] = [];
  const { url } = await serve((one, turn) => {
    askedAt.push(performance.now());
    if (turn === 1) {
      closedAt.push(performance.now());
      return one.close(4429, 'Too many WebSockets: retry after 1 s');
    }
    one.next(batch(end(1)));
    one.complete();
  });
  const log = follow(url);
  expect(await log.over).toBe('complete');
  // Timers of Node.js can be early by a millisecond.
  expect((askedAt[1] ?? 0) - (closedAt[0] ?? 0)).toBeGreaterThan(998);
  expect(log.details.find(({ tries }) => tries === 1)?.reason).toBe('Too many WebSockets: retry after 1 s');
  const { url: refusing } = await serve((one) => one.close(4429, 'Too many initialisation requests'));
  expect(await follow(refusing).over).toMatchObject({ code: 4429 });
});

const MUTATION = `mutation Start { startRun(input: { name: """
subscription { a }
""" }) { run { id } } }`;
test.each([
  ['a mutation whose block string has a line with subscription', { query: MUTATION }],
  [
    'a mutation chosen by operationName',
    { query: `${BATCHES.replace('subscription', 'subscription S')} ${MUTATION}`, operationName: 'Start' },
  ],
  ['a query with a field called subscription', { query: '{\n  subscription\n}' }],
])('%s is sent once, whatever graphql-ws would retry', async (_, payload) => {
  for (const code of [1000, 1001, 1012, 4499, undefined]) {
    const serving = await serve((one) => one.close(code));
    const client = resumable(
      socketClient(serving.url, { retryAttempts: 5, shouldRetry: () => true, retryWait: async () => undefined }),
    );
    const error = await new Promise((resolve) =>
      client.subscribe(payload, { ...sink, error: resolve, complete: () => resolve('complete') }),
    );
    expect(error).toMatchObject({ code: code ?? 1006 });
    expect(serving.asked).toHaveLength(1);
    await client.dispose();
  }
});

test.each([
  [
    'with its fragment first, on one line',
    `fragment F on RunEvent { __typename seq } ${BATCHES.replace('__typename seq', '...F').replaceAll('\n', ' ')}`,
    undefined,
  ],
  ['chosen by operationName', `${MUTATION} ${BATCHES.replace('subscription', 'subscription S')}`, 'S'],
  ['a byte order mark and a comment before it', `\uFEFF# mutation\n${BATCHES}`, undefined],
])('a subscription resumes after a lost connection: %s', async (_, query, operationName) => {
  const { url, asked } = await serve((one, turn) => {
    one.next(batch(turn === 2 ? end(2) : line(1)));
    if (turn === 1) one.close(1001);
    else one.complete();
  });
  const log = follow(url, { query, ...(operationName === undefined ? {} : { operationName }) });
  expect(await log.over).toBe('complete');
  expect(asked.map(({ variables }) => variables?.after)).toEqual([undefined, 1]);
});

test('dispose during a connection attempt neither fails nor tries again', async () => {
  const serving = await serve(() => undefined, { refuse: () => 503 });
  const log = follow(serving.url);
  await log.client.dispose();
  expect(await log.over).toBe('complete');
  await vi.waitUntil(() => serving.connections() === 1, { timeout: 20_000 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(serving.connections()).toBe(1);
});
