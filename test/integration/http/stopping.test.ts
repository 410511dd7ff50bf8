import { expect, test } from 'vitest';
import { LATER } from '../../../src/async/source.ts';
import type { LogViewer } from '../../../src/log/viewer.ts';
import { openHttp, RawSocket, rawHttp } from '../../support/clients/http.ts';
import { createRun, finished, PlainWriter } from '../../support/log.ts';
import { removeRun } from '../../support/runs/runs.ts';

const LOGS = 'subscription ($id: ID!) { runLogs(runId: $id) { seq } }';

test('S1b: a server that stops closes sockets with 1001 and cuts server-sent events, without complete', async () => {
  await using api = await openHttp();
  const id = await createRun(api.redis);
  const socket = await new RawSocket(api.url).ready();
  socket.subscribe('1', LOGS, { id });
  await socket.until((message) => message.id === '1');
  const events = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query: LOGS, variables: { id } }),
  });
  const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const ended = (async () => {
    for (;;) {
      const read = await reader?.read();
      if (read === undefined || read.done) return 'whole';
      text += read.value;
    }
  })().catch(() => 'cut');
  await expect.poll(() => text, { timeout: 20_000 }).toContain('"seq":1');

  await api.http.close();
  expect(await socket.closed).toEqual({ code: 1001, reason: 'Going away' });
  expect(socket.messages.some(({ type }) => type === 'complete')).toBe(false);
  expect(await ended).toBe('cut');
  expect(text).not.toContain('complete');
  expect(api.hub.feeds).toBe(0);
  await expect(fetch(`${api.url}/health/live`)).rejects.toThrow();
});

test('a socket that does not answer the close does not delay the stop', async () => {
  await using api = await openHttp();
  const socket = await new RawSocket(api.url).ready();
  socket.socket.pause();
  await api.http.close();
  socket.socket.terminate();
});

test('SSE ends with complete if the run has ended', async () => {
  await using api = await openHttp();
  const read = async (id: string) => {
    const response = await fetch(
      `${api.url}/graphql?query=${encodeURIComponent(LOGS)}&variables=${JSON.stringify({ id })}`,
      {
        headers: { accept: 'text/event-stream' },
      },
    );
    return await response.text();
  };
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  await writer.append([finished()]);
  const whole = await read(writer.runId);
  expect(whole).toContain('"seq":2');
  expect(whole).toMatch(/event: complete\ndata:\n\n$/);
});

test('S4: a run that is deleted ends its open subscriptions with NOT_FOUND, not with complete', async () => {
  await using api = await openHttp();
  const id = await createRun(api.redis);
  const socket = await new RawSocket(api.url).ready();
  socket.subscribe('log', LOGS, { id });
  socket.subscribe('run', 'subscription ($id: ID!) { runUpdated(runId: $id) { id } }', { id });
  await socket.until((message) => message.id === 'log');
  await socket.until((message) => message.id === 'run');
  await removeRun(api.redis, id);
  for (const name of ['log', 'run']) {
    const ended = await socket.until((message) => message.id === name && message.type !== 'next');
    expect(ended).toMatchObject({ type: 'error', payload: [{ extensions: { code: 'NOT_FOUND' } }] });
  }
  socket.socket.terminate();
});

test('X2: an unexpected failure shows only an id, on every transport and during a subscription, and the log has the id', async () => {
  await using api = await openHttp();
  const id = await createRun(api.redis);
  const secret = 'redis://secret-address:6379';
  const broken: LogViewer = {
    take: () => LATER,
    more: () => Promise.reject(new Error(secret)),
    close: () => undefined,
  };
  await using other = await openHttp({
    hub: { open: () => Promise.resolve(broken) },
    runsFor: () =>
      new Proxy(api.api.runs, {
        get: () => () => Promise.reject(new Error(secret)),
      }),
  });
  const texts: string[] = [];
  const http = await fetch(`${other.url}/graphql?query={run(id:"${id}"){id}}`);
  texts.push(await http.text());
  const sse = await fetch(
    `${other.url}/graphql?query=${encodeURIComponent(`subscription { runLogs(runId: "${id}") { seq } }`)}`,
    {
      headers: { accept: 'text/event-stream' },
    },
  );
  texts.push(await sse.text());
  const socket = await new RawSocket(other.url).ready();
  socket.subscribe('1', `subscription { runLogs(runId: "${id}") { seq } }`);
  socket.subscribe('2', `{ run(id: "${id}") { id } }`);
  texts.push(JSON.stringify(await socket.until((message) => message.id === '1')));
  texts.push(JSON.stringify(await socket.until((message) => message.id === '2')));
  socket.socket.terminate();
  texts.push(
    await rawHttp(other.port, `GET /runs/${id}/log.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`),
  );
  for (const text of texts.slice(0, 4)) {
    expect(text).not.toContain('secret-address');
    expect(text).toContain('"INTERNAL_SERVER_ERROR"');
    expect(text).not.toContain('unexpected"');
    const told = /"id":"([0-9a-f-]{36})"/.exec(text.replaceAll(id, ''))?.[1];
    expect(other.logged.some((line) => line.id === told && JSON.stringify(line).includes('secret-address'))).toBe(true);
  }
});
