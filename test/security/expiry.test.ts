/** Tokens that cease to be valid while something is open: they expire, or they are revoked. */
import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import { createClient } from 'graphql-ws';
import type { Redis } from 'ioredis';
import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { resumable } from '../../packages/client/src/resumable.ts';
import type { Caller } from '../../src/domain/caller.ts';
import type { Admission } from '../../src/http/exchange/callerOf.ts';
import { EventReader, seqsOf } from '../support/clients/eventStream.ts';
import { openHttp, RawSocket, type TestApi } from '../support/clients/http.ts';
import { claimsOf, lockedAdmission, providerToken } from '../support/identity.ts';
import { createRun, finished, PlainWriter } from '../support/log.ts';
import { freePort } from '../support/network/ports.ts';

const LOGS = 'subscription ($id: ID!, $after: Int) { runLogs(runId: $id, after: $after) { __typename seq } }';

/** A token that expires while its connection is being made, on a busy machine, is not tolerated for 30 s. */
const withoutTolerance = ({ authenticator, sessions }: Admission): Admission => {
  const authenticate = async (authorization: string | null): Promise<Caller> => {
    const caller = await authenticator.authenticate(authorization);
    return { ...caller, expiresAt: (decodeJwt(authorization?.split(' ')[1] ?? '').exp ?? 0) * 1000 };
  };
  return { authenticator: { ...authenticator, authenticate }, sessions };
};

let api: TestApi;
beforeAll(async () => {
  api = await openHttp({ admission: withoutTolerance(lockedAdmission()) });
});
afterAll(() => api?.[Symbol.asyncDispose]());

const bearer = async (lifeSeconds: number) => `Bearer ${await providerToken(claimsOf(lifeSeconds))}`;

const openSocket = async (url: string, authorization: string): Promise<RawSocket> => {
  const socket = await new RawSocket(url).opened();
  socket.send({ type: 'connection_init', payload: { authorization } });
  await socket.until(({ type }) => type === 'connection_ack');
  return socket;
};

const readEvents = (port: number, id: string, authorization: string, last: number | null = null): EventReader => {
  const headers = [`Authorization: ${authorization}`, ...(last === null ? [] : [`Last-Event-ID: ${last}`])];
  return new EventReader(port, { query: LOGS, variables: { id }, headers });
};

/** A download that does not read its body. */
const startDownload = async (url: string, id: string, authorization: string): Promise<IncomingMessage> => {
  const request = get(`${url}/runs/${id}/log.txt`, { headers: { authorization } });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  expect(response.statusCode).toBe(200);
  response.on('error', () => undefined);
  return response;
};

/** Bytes of the body, which is read from now on, and whether it is whole. */
const restOf = async (response: IncomingMessage): Promise<{ readonly bytes: number; readonly whole: boolean }> => {
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  await new Promise<void>((resolve) => response.once('close', () => resolve()));
  return { bytes, whole: response.complete };
};

/** A run whose log is larger than what sockets and buffers hold. */
const largeRun = async (redis: Redis): Promise<string> => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  for (let i = 0; i < 100; i += 1) await writer.lines(100, 'x'.repeat(3000));
  return writer.runId;
};

/** Two sockets, of which one reads nothing any more, an event stream and a download, all in the middle of the log. */
const openAll = async (id: string, authorization: string) => {
  await using begun = new AsyncDisposableStack();
  const [socket, unread] = await Promise.all([
    openSocket(api.url, authorization).then((one) => begun.use(one)),
    openSocket(api.url, authorization).then((one) => begun.use(one)),
  ]);
  const events = begun.use(readEvents(api.port, id, authorization));
  const download = await startDownload(api.url, id, authorization);
  for (const one of [socket, unread]) one.subscribe('1', LOGS, { id });
  await Promise.all([socket, unread].map((one) => one.until((message) => message.id === '1')));
  unread.socket.pause();
  await events.until(({ ids }) => ids.length > 0);
  return { socket, unread, events, download, parts: begun.move() };
};

/** All of it open with one token before that expires, however busy the machine is. */
const openInTime = async (id: string, lifeSeconds: number) => {
  for (let life = lifeSeconds; ; life *= 2) {
    const claims = claimsOf(life);
    const opened = await openAll(id, `Bearer ${await providerToken(claims)}`).catch((error: unknown) => {
      if (life > 10) throw error;
      return null;
    });
    if (opened !== null && Date.now() < claims.exp * 1000) return { ...opened, expiresAt: claims.exp * 1000 };
    await opened?.parts.disposeAsync();
  }
};

test('I3: at its expiry a token closes its WebSocket with 4403, and its event stream and download are cut', async () => {
  const id = await largeRun(api.redis);
  const { socket, unread, events, download, parts, expiresAt } = await openInTime(id, 1.5);
  await using _parts = parts;
  expect(await socket.closed).toEqual({ code: 4403, reason: 'Token expired' });
  expect(Date.now()).toBeGreaterThanOrEqual(expiresAt);
  expect(socket.messages.some(({ type }) => type === 'complete' || type === 'error')).toBe(false);
  expect(await events.ended).toBe('cut');
  expect(events.events.some(({ event }) => event === 'complete')).toBe(false);
  const { bytes, whole } = await restOf(download);
  expect(whole).toBe(false);
  expect(bytes).toBeLessThan(100 * 100 * 3000);
  // A client that reads nothing does not take the close frame either, and is cut.
  unread.socket.resume();
  expect([1006, 4403]).toContain((await unread.closed).code);
  await expect.poll(() => api.hub.feeds, { timeout: 20_000 }).toBe(0);
});

const FOLLOWERS = 24;
const EVENT_STREAMS = 4;
const EXPIRIES = 1000;

interface Proof {
  readonly seqs: number[];
  readonly over: Promise<unknown>;
}

/** Makes tokens that live for a moment; longer after a connection that brought nothing, so that a busy machine gets on. */
const briefTokens = (seqs: readonly number[]) => {
  let [life, had] = [0.02, 0];
  return (): Promise<string> => {
    life = seqs.length > had ? 0.02 + Math.random() * 0.1 : life * 2;
    had = seqs.length;
    return bearer(life);
  };
};

/** Follows a log with tokens that live for a moment. `expired` is called at each expiry. */
const followBriefly = (id: string, expired: () => void): Proof => {
  const seqs: number[] = [];
  const newToken = briefTokens(seqs);
  const brief = async () => ({ authorization: await newToken() });
  const socket = createClient({
    url: `${api.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: brief,
  });
  socket.on('closed', (event) => {
    if ((event as { code?: number }).code === 4403) expired();
  });
  const client = resumable(socket, { maxPauseMs: 5 });
  onTestFinished(() => void client.dispose());
  const over = new Promise<unknown>((resolve) => {
    client.subscribe<{ runLogs: { seq: number } }>(
      { query: LOGS, variables: { id } },
      { next: ({ data }) => data && seqs.push(data.runLogs.seq), error: resolve, complete: () => resolve('complete') },
    );
  });
  return { seqs, over };
};

/** The same as event streams, with Last-Event-ID. */
const streamBriefly = (id: string, expired: () => void): Proof => {
  const seqs: number[] = [];
  const newToken = briefTokens(seqs);
  const follow = async (): Promise<unknown> => {
    for (;;) {
      await using events = readEvents(api.port, id, await newToken(), seqs.at(-1) ?? null);
      const how = await events.ended;
      seqs.push(...seqsOf(events));
      if (how === 'whole' || events.head.includes(' 204 ')) return 'complete';
      expired();
    }
  };
  return { seqs, over: follow() };
};

test('I2a: while the identity provider is away nobody is let in: requests get UNAVAILABLE, sockets and event streams wait', async () => {
  const port = await freePort();
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const url = new URL(`http://127.0.0.1:${port}/jwks`);
  await using other = await openHttp({ admission: lockedAdmission({ kind: 'jwks', url }) });
  const id = await createRun(other.redis);
  const token = await new SignJWT(claimsOf(60)).setProtectedHeader({ alg: 'ES256' }).sign(privateKey);
  const authorization = `Bearer ${token}`;
  const response = await fetch(`${other.url}/graphql?query={__typename}`, { headers: { authorization } });
  expect(response.status).toBe(503);
  expect(await response.text()).toContain('"code":"UNAVAILABLE"');
  const opening = openSocket(other.url, authorization);
  await using events = readEvents(other.port, id, authorization);
  await using without = await new RawSocket(other.url).opened();
  without.send({ type: 'connection_init', payload: {} });
  expect((await without.closed).code).toBe(4401);
  expect(events.head).toBe('');

  const keys = JSON.stringify({ keys: [await exportJWK(publicKey)] });
  const provider = createServer((_request, answer) => void answer.end(keys));
  onTestFinished(() => void provider.close());
  await new Promise<void>((resolve) => provider.listen(port, '127.0.0.1', resolve));
  (await opening).socket.terminate();
  await events.until(({ ids }) => ids.length > 0);
  expect(seqsOf(events)).toEqual([1]);
});

test('I3a: 1,000 expiries in the middle of a flood, and no follower loses or repeats an event', async () => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  let expiries = 0;
  const expired = (): void => {
    expiries += 1;
  };
  const begin = (i: number): Proof => (i < EVENT_STREAMS ? streamBriefly : followBriefly)(writer.runId, expired);
  const proofs = Array.from({ length: FOLLOWERS }, (_, i) => begin(i));
  while (expiries < EXPIRIES) {
    expect((await writer.lines(5)).code).toBe('OK');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await writer.append([finished()]);
  const whole = Array.from({ length: writer.nextSeq - 1 }, (_, i) => i + 1);
  for (const { seqs, over } of proofs) {
    expect(await over).toBe('complete');
    expect(seqs).toEqual(whole);
  }
}, 180_000);
