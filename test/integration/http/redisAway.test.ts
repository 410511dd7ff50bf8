import { expect, test } from 'vitest';
import { openHttp, post, RawSocket } from '../../support/clients/http.ts';
import { createRun, PlainWriter } from '../../support/log.ts';

test('S5, S5b: while Redis is away requests get UNAVAILABLE, and subscriptions wait and miss nothing', async () => {
  await using api = await openHttp();
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  const id = writer.runId;
  const unfollowed = await createRun(api.redis);
  await using socket = await new RawSocket(api.url).ready();
  socket.subscribe('log', 'subscription ($id: ID!) { runLogs(runId: $id) { seq } }', { id });
  socket.subscribe('run', 'subscription ($id: ID!) { runUpdated(runId: $id) { id } }', { id });
  await socket.until((message) => message.id === 'log');
  await socket.until((message) => message.id === 'run');
  // A server that hangs is worse than one that is gone: connections stay open, and nothing answers.
  process.kill(api.server.pid, 'SIGSTOP');
  try {
    const [read, page, text, ndjson] = await Promise.all([
      post(api.url, 'query ($id: ID!) { run(id: $id) { id } }', { id }),
      post(api.url, '{ runs { edges { cursor } } }'),
      fetch(`${api.url}/runs/${id}/log.txt`),
      fetch(`${api.url}/runs/${id}/log.ndjson`),
    ]);
    expect(read.errors?.[0]?.extensions).toEqual({ code: 'UNAVAILABLE' });
    expect(page.errors?.[0]?.extensions).toEqual({ code: 'UNAVAILABLE' });
    expect([text.status, ndjson.status]).toEqual([503, 503]);
    expect(await text.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAVAILABLE' } }] });
    socket.subscribe('late', 'subscription ($id: ID!) { runLogs(runId: $id) { seq } }', { id: unfollowed });
    expect((await fetch(`${api.url}/health/live`)).status).toBe(200);
  } finally {
    process.kill(api.server.pid, 'SIGCONT');
  }
  await writer.lines(1);
  await socket.until((message) => message.id === 'log' && JSON.stringify(message).includes('"seq":2'));
  expect(socket.messages.filter((message) => message.id === 'run' && message.type !== 'next')).toEqual([]);
  // A new subscription also waited.
  await socket.until((message) => message.id === 'late' && message.type === 'next');
  expect(api.hub.feeds).toBe(2);
  const told = api.logged.filter(({ msg }) => msg === 'an operation on Redis failed');
  expect(told.every(({ err }) => typeof (err as { message?: unknown }).message === 'string')).toBe(true);
  expect(told).not.toEqual([]);
});
