import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openHttp, post, type TestApi } from '../../support/clients/http.ts';
import { createRun, finished, PlainWriter } from '../../support/log.ts';
import { EVERY_EVENT, EVERY_FIELD } from '../../support/runs/everyEvent.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

const get = (id: string, file: string, init: RequestInit = {}) => fetch(`${api.url}/runs/${id}/${file}`, init);

test('log.ndjson has every event in the form of the API', async () => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  await writer.append(EVERY_EVENT);
  const response = await get(writer.runId, 'log.ndjson');
  expect(response.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  const text = await response.text();
  expect(text.endsWith('\n')).toBe(true);
  const events = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const { data, errors } = await post(
    api.url,
    `query ($id: ID!) { run(id: $id) { logs { events { ${EVERY_FIELD} } } } }`,
    {
      id: writer.runId,
    },
  );
  expect(errors).toBeUndefined();
  expect(events).toEqual(data.run.logs.events);
  expect(events).toHaveLength(EVERY_EVENT.length + 1);
});

test('E5a: log.txt has only the lines of the command, each with one LF, and its SHA-256 is the digest', async () => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  await writer.append(EVERY_EVENT);
  const response = await get(writer.runId, 'log.txt');
  expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(await response.text()).toBe('plain ü \u001b[1mx\ncut\nrecord\nannotated\n');
});

test('100,000 lines arrive complete, also from `after` on, and in bounded memory', async () => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  const hash = createHash('sha256');
  for (let batch = 0; batch < 50; batch += 1) {
    for (let i = 0; i < 2000; i += 1) hash.update(`line ${writer.nextSeq + i}\n`);
    await writer.lines(2000);
  }
  const whole = await (await get(writer.runId, 'log.txt')).arrayBuffer();
  expect(createHash('sha256').update(Buffer.from(whole)).digest('hex')).toBe(hash.digest('hex'));
  const tail = await (await get(writer.runId, 'log.ndjson?after=99998')).text();
  const seqs = tail
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).seq);
  expect(seqs).toEqual([99_999, 100_000, 100_001]);
});

test('the download of a run that goes on ends at its newest event', async () => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  await writer.lines(10);
  expect((await (await get(writer.runId, 'log.txt')).text()).split('\n')).toHaveLength(11);
  expect(await (await get(writer.runId, 'log.ndjson?after=500')).text()).toBe('');
});

test('HEAD gets only the headers, other methods 405, and a run or file that does not exist 404', async () => {
  const id = await createRun(api.redis);
  const head = await get(id, 'log.txt', { method: 'HEAD' });
  expect([head.status, head.headers.get('content-type'), await head.text()]).toEqual([
    200,
    'text/plain; charset=utf-8',
    '',
  ]);
  expect((await get(id, 'log.txt', { method: 'POST' })).status).toBe(405);
  for (const [name, file] of [
    ['00000000-0000-7000-8000-000000000000', 'log.txt'],
    ['no-id', 'log.ndjson'],
    ['%2e%2e', 'log.txt'],
    [id, 'log.html'],
  ] as const) {
    const response = await get(name, file);
    expect([response.status, await response.json()]).toMatchObject([
      404,
      { errors: [{ extensions: { code: 'NOT_FOUND' } }] },
    ]);
  }
});

test('an after that is not a seq, or beyond the end of a finished run, is BAD_USER_INPUT', async () => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  await writer.append([finished()]);
  for (const after of ['-1', 'x', '1.5', '', '99999999999', '1e3', '3', '1&after=2']) {
    const response = await get(writer.runId, `log.txt?after=${after}`);
    const body = await response.json();
    expect([after, response.status, body]).toMatchObject([
      after,
      400,
      { errors: [{ extensions: { code: 'BAD_USER_INPUT', argument: 'after', problems: [{ argument: 'after' }] } }] },
    ]);
  }
  expect((await get(writer.runId, 'log.txt?after=2')).status).toBe(200);
});

test('unknown parameters are refused by name, on HEAD too', async () => {
  const id = await createRun(api.redis);
  for (const [query, named] of [
    ['lines=10', '"lines"'],
    ['after=1&follow=5&limit=2', '"follow", "limit"'],
    ['After=1', '"After"'],
    ['=1', '""'],
    ['x', '"x"'],
    [Array.from({ length: 50 }, (_, i) => `${i}${'x'.repeat(100)}=1`).join('&'), 'and more'],
  ] as const) {
    for (const file of ['log.txt', 'log.ndjson']) {
      const response = await get(id, `${file}?${query}`);
      const { errors } = (await response.json()) as { errors: { message: string; extensions: object }[] };
      expect([query, response.status, errors[0]?.extensions]).toMatchObject([query, 400, { code: 'BAD_USER_INPUT' }]);
      expect(errors[0]?.message).toContain(named);
      expect(errors[0]?.message.length).toBeLessThan(500);
      const head = await get(id, `${file}?${query}`, { method: 'HEAD' });
      expect([head.status, await head.text()]).toEqual([400, '']);
    }
  }
});

test('W5a: log.ndjson has one LinesDropped for the dropped middle, clipped to after', async () => {
  const id = await createRun(api.redis, { maxLogBytes: 20_000 });
  const writer = await new PlainWriter(api.redis, id).claim();
  for (let i = 0; i < 50; i += 1) await writer.lines(10, 'x'.repeat(100));
  const events = async (query: string) =>
    (await (await get(id, `log.ndjson${query}`)).text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  const all = await events('');
  const dropped = all.find((event) => event.__typename === 'LinesDropped');
  expect(dropped).toMatchObject({ reason: 'LOG_LIMIT', count: dropped.seq - dropped.fromSeq + 1 });
  const [first] = await events(`?after=${dropped.fromSeq + 4}`);
  expect(first).toMatchObject({ __typename: 'LinesDropped', fromSeq: dropped.fromSeq + 5, seq: dropped.seq });
});

test('S9c: a download whose client takes no data is cut after the time limit; a slow one is not', async () => {
  await using limited = await openHttp({ keepAlive: { pingMs: 100, stalledMs: 2000 } });
  const writer = await new PlainWriter(limited.redis, await createRun(limited.redis)).claim();
  for (let i = 0; i < 300; i += 1) await writer.lines(100, 'z'.repeat(1000));
  const download = async (pauses: (bytes: number) => number): Promise<number> => {
    const socket = connect(limited.port, '127.0.0.1');
    socket.write(`GET /runs/${writer.runId}/log.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    let bytes = 0;
    socket.on('data', (chunk) => {
      bytes += chunk.length;
      const pauseMs = pauses(bytes);
      if (pauseMs === 0) return;
      socket.pause();
      setTimeout(() => socket.resume(), pauseMs);
    });
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('close', resolve));
    return bytes;
  };
  let stopped = false;
  const stopsOnce = (): number => {
    if (stopped) return 0;
    stopped = true;
    return 7000;
  };
  const whole = 300 * 100 * 1000;
  // The pause is the subject of the test: the client takes nothing for that time, and then reads everything under way.
  const [fast, slow, stalled] = await Promise.all([download(() => 0), download(() => 10), download(stopsOnce)]);
  expect(fast).toBeGreaterThan(whole);
  expect(slow).toBeGreaterThan(whole);
  expect(stalled).toBeLessThan(whole);
}, 60_000);

test('the health paths report whether the service is live and whether it is ready', async () => {
  let reason: string | null = 'Redis does not answer.';
  await using other = await openHttp({ ready: () => Promise.resolve(reason) });
  const ask = async (path: string) => {
    const response = await fetch(`${other.url}/health/${path}`);
    return [response.status, await response.json()];
  };
  expect(await ask('live')).toEqual([200, { status: 'live' }]);
  expect(await ask('ready')).toEqual([503, { status: 'unready', reason: 'Redis does not answer.' }]);
  reason = null;
  expect(await ask('ready')).toEqual([200, { status: 'ready' }]);
});

test('without the viewer, / is 404 with a sentence that says so', async () => {
  const response = await fetch(`${api.url}/`);
  const { errors } = (await response.json()) as { errors: { message: string }[] };
  expect([response.status, errors[0]?.message]).toEqual([
    404,
    'The viewer is off (VIEWER=off). The API is at /graphql.',
  ]);
});
