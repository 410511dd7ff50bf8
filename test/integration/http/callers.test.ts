import { expect, test } from 'vitest';
import { type Caller, LOCAL_ADMIN } from '../../../src/domain/caller.ts';
import { openAdmission } from '../../../src/http/exchange/callerOf.ts';
import type { HttpServerOptions } from '../../../src/http/server.ts';
import type { Runs } from '../../../src/runs/records/runs.ts';
import { openHttp, RawSocket } from '../../support/clients/http.ts';
import { createRun } from '../../support/log.ts';

const QUERY = 'query ($id: ID!) { run(id: $id) { id } }';
const FOLLOW = 'subscription ($id: ID!) { runUpdated(runId: $id) { id } }';

/** Records the callers that runs are requested for, and returns the runs of `inner` to each. */
const recording = (inner: Runs, callers: Caller[]): Pick<HttpServerOptions, 'runsFor'> => ({
  runsFor: (caller) => {
    callers.push(caller);
    return inner;
  },
});

test('each operation reaches runs through its caller: over HTTP, SSE and WebSocket', async () => {
  await using api = await openHttp();
  const id = await createRun(api.redis);
  const callers: Caller[] = [];
  await using other = await openHttp(recording(api.api.runs, callers));

  const body = JSON.stringify({ query: QUERY, variables: { id } });
  const headers = { 'content-type': 'application/json' };
  const posted = await fetch(`${other.url}/graphql`, { method: 'POST', headers, body });
  expect(await posted.json()).toEqual({ data: { run: { id } } });
  expect(callers).toEqual([LOCAL_ADMIN]);

  const gone = new AbortController();
  const subscription = JSON.stringify({ query: FOLLOW, variables: { id } });
  const streamed = await fetch(`${other.url}/graphql`, {
    method: 'POST',
    headers: { ...headers, accept: 'text/event-stream' },
    body: subscription,
    signal: gone.signal,
  });
  expect(streamed.status).toBe(200);
  gone.abort();
  expect(callers).toHaveLength(2);

  const socket = await new RawSocket(other.url).ready();
  socket.subscribe('1', QUERY, { id });
  socket.subscribe('2', FOLLOW, { id });
  await socket.until((message) => message.id === '1' && message.type === 'next');
  await socket.until((message) => message.id === '2' && message.type === 'next');
  socket.socket.terminate();
  expect(callers).toEqual([LOCAL_ADMIN, LOCAL_ADMIN, LOCAL_ADMIN, LOCAL_ADMIN]);
});

test('a caller is determined once for each request and each WebSocket, and not for its messages', async () => {
  const admission = openAdmission();
  let asked = 0;
  const authenticate = (authorization: string | null): Promise<Caller> => {
    asked += 1;
    return admission.authenticator.authenticate(authorization);
  };
  const authenticator = { ...admission.authenticator, authenticate };
  await using api = await openHttp({ admission: { ...admission, authenticator } });
  await using socket = await new RawSocket(api.url).ready();
  for (let i = 0; i < 50; i += 1) socket.subscribe(String(i), '{ __typename }');
  for (let i = 0; i < 50; i += 1) await socket.until(({ id, type }) => id === String(i) && type === 'complete');
  expect(asked).toBe(1);
  expect((await fetch(`${api.url}/graphql?query={__typename}`)).status).toBe(200);
  expect((await fetch(`${api.url}/health/live`)).status).toBe(200);
  expect(asked).toBe(2);
});
