/** The fields that read a log without reading all of it, on the real service with real commands. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, request, startRun, wsClient } from '../../support/clients/client.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const ENDED = 'subscription ($id: ID!) { runUpdated(runId: $id) { status logStats { lines lastSeq indexed } } }';
interface Told {
  readonly status: string;
  readonly logStats: { readonly lines: number; readonly lastSeq: number; readonly indexed: boolean };
}

/** Follows the run to its end; what was told, with the time. */
const followed = async (id: string): Promise<readonly (Told & { readonly at: number })[]> => {
  const client = wsClient(service.url);
  const told: (Told & { readonly at: number })[] = [];
  for await (const { data } of client.iterate<{ runUpdated: Told }>({ query: ENDED, variables: { id } })) {
    if (data) told.push({ ...data.runUpdated, at: performance.now() });
  }
  await client.dispose();
  return told;
};
const finished = async (script: string): Promise<string> => {
  const id = await startRun(service.url, { command: ['sh', '-c', script] });
  await followed(id);
  return id;
};
const ask = async (id: string, fields: string): Promise<Record<string, never>> => {
  const answer = await request(service.url, `query ($id: ID!) { run(id: $id) { ${fields} } }`, { id });
  expect(answer.errors).toBeUndefined();
  return answer.data?.run as Record<string, never>;
};
const refused = async (id: string, fields: string): Promise<Answer['errors']> =>
  (await request(service.url, `query ($id: ID!) { run(id: $id) { ${fields} } }`, { id })).errors;

const SCRIPT = `echo one; echo '::group::outer'; echo '::group::inner'
echo '::error file=a.js,line=3,title=Lint::broken'; echo '::endgroup::'; echo '::warning::hm'; echo last; exit 3`;

test('K2, K4, K8: counts, groups, annotations and line numbers of a run', async () => {
  const id = await finished(SCRIPT);
  const run = await ask(
    id,
    `lines bytes lastSeq
    logStats { lastSeq lines bytes textLines levels { level lines } firstError lastError firstAt lastAt
      missing { seq } groups indexed }
    outline { seq endSeq parent depth name attempt durationMs lines errors warnings }
    logs { openGroups { name } events { seq __typename ... on LogLine { message line annotation { kind title file line column } }
      ... on GroupEnded { name startSeq durationMs implicit } } }`,
  );
  const { logStats, outline, logs } = run as unknown as Record<string, never> & {
    readonly logStats: Record<string, unknown>;
    readonly outline: readonly Record<string, unknown>[];
    readonly logs: { readonly openGroups: unknown; readonly events: readonly Record<string, never>[] };
  };
  expect(logStats).toMatchObject({
    lastSeq: run.lastSeq,
    lines: 4,
    bytes: run.bytes,
    textLines: 4,
    missing: [],
    groups: 2,
    indexed: true,
  });
  expect(logStats.levels).toEqual([
    { level: 'TRACE', lines: 0 },
    { level: 'DEBUG', lines: 0 },
    { level: 'INFO', lines: 2 },
    { level: 'WARNING', lines: 1 },
    { level: 'ERROR', lines: 1 },
    { level: 'CRITICAL', lines: 0 },
  ]);
  const { events } = logs;
  const lines = events.filter((event) => event.__typename === 'LogLine');
  expect(lines.map(({ line }) => line)).toEqual([1, 2, 3, 4]);
  expect(lines.map(({ annotation }) => annotation)).toEqual([
    null,
    { kind: 'ERROR', title: 'Lint', file: 'a.js', line: 3, column: null },
    { kind: 'WARNING', title: null, file: null, line: null, column: null },
    null,
  ]);
  expect([logStats.firstError, logStats.lastError]).toEqual([lines[1]?.seq, lines[1]?.seq]);
  const starts = events.filter((event) => event.__typename === 'GroupStarted').map(({ seq }) => seq);
  const ends = events.filter((event) => event.__typename === 'GroupEnded');
  expect(ends).toMatchObject([
    { name: 'inner', startSeq: starts[1], implicit: false },
    { name: 'outer', startSeq: starts[0], implicit: true },
  ]);
  expect(outline).toMatchObject([
    { seq: starts[0], endSeq: ends[1]?.seq, parent: null, depth: 1, name: 'outer', lines: 3, errors: 1, warnings: 1 },
    { seq: starts[1], endSeq: ends[0]?.seq, parent: starts[0], depth: 2, name: 'inner', lines: 1, errors: 1 },
  ]);
  expect(logs.openGroups).toEqual([]);
  const later = await ask(
    id,
    `logs(after: ${lines[0]?.seq}) { startSeq openGroups { name } }
    inner: logs(after: ${starts[1]}) { openGroups { name depth } }`,
  );
  expect(later).toMatchObject({
    logs: { startSeq: starts[0], openGroups: [] },
    inner: {
      openGroups: [
        { name: 'outer', depth: 1 },
        { name: 'inner', depth: 2 },
      ],
    },
  });
});

test('K3, K5: a line of log.txt and an instant are found, also over several attempts', async () => {
  const command = ['sh', '-c', 'seq 300; sleep 0.3; seq 300; exit 1'];
  const id = await startRun(service.url, { command, retry: { maxAttempts: 2, backoffSeconds: 0 } });
  await followed(id);
  const text = await (await fetch(`${service.url}/runs/${id}/log.txt`)).text();
  const lines = text.split('\n').slice(0, -1);
  expect(lines).toHaveLength(1200);
  for (const number of [1, 2, 300, 301, 777, 1200]) {
    const { seqAt } = (await ask(id, `seqAt(line: ${number})`)) as unknown as { seqAt: number };
    const page = await ask(
      id,
      `logs(after: ${seqAt - 1}, first: 1) { events { seq timestamp ... on LogLine { line message } } }`,
    );
    expect(page).toMatchObject({ logs: { events: [{ seq: seqAt, line: number, message: lines[number - 1] }] } });
  }
  const { logs } = (await ask(id, 'logs(first: 5000) { events { seq timestamp } }')) as unknown as {
    logs: { events: readonly { seq: number; timestamp: string }[] };
  };
  for (const at of [0, 5, 400, logs.events.length - 1]) {
    const time = logs.events[at]?.timestamp ?? '';
    expect(await ask(id, `seqAt(time: "${time}")`)).toEqual({
      seqAt: logs.events.find(({ timestamp }) => Date.parse(timestamp) >= Date.parse(time))?.seq,
    });
  }
  expect(await ask(id, 'a: seqAt(line: 1201) b: seqAt(time: "2099-01-01T00:00:00Z")')).toEqual({ a: null, b: null });
  const { histogram } = (await ask(
    id,
    'histogram(buckets: 10) { fromSeq seq from to levels { level lines } }',
  )) as unknown as {
    histogram: readonly { fromSeq: number; seq: number; from: string; to: string; levels: { lines: number }[] }[];
  };
  expect(histogram.length).toBeGreaterThan(1);
  expect(histogram.length).toBeLessThanOrEqual(10);
  expect(histogram[0]?.fromSeq).toBe(1);
  expect(histogram.at(-1)?.seq).toBe(logs.events.length);
  expect(histogram.flatMap(({ levels }) => levels).reduce((sum, { lines: count }) => sum + count, 0)).toBe(1200);
});

test('K9: runUpdated delivers logStats at most once a second while lines are written, and at last the whole of it', async () => {
  const id = await startRun(service.url, { command: ['sh', '-c', 'for i in $(seq 60); do echo $i; sleep 0.05; done'] });
  const told = await followed(id);
  const growing = told.filter(({ status }, i) => status === 'RUNNING' && told[i - 1]?.status === 'RUNNING');
  expect(growing.length).toBeGreaterThan(0);
  const first = growing[0]?.at ?? 0;
  // The looks are a second apart, and each delivers at most once.
  expect(growing.length).toBeLessThanOrEqual((((told.at(-1)?.at ?? 0) - first) / 1000) * 1.2 + 2);
  expect(told.at(-1)).toMatchObject({ status: 'COMPLETED', logStats: { lines: 60, indexed: true } });
});

test('arguments that make no sense are BAD_USER_INPUT and name the argument', async () => {
  const id = await finished('true');
  for (const [fields, argument] of [
    ['seqAt', 'line'],
    ['seqAt(line: 1, time: "2026-01-01T00:00:00Z")', 'line'],
    ['seqAt(line: 0)', 'line'],
    ['histogram(buckets: 0) { seq }', 'buckets'],
    ['histogram(buckets: 1001) { seq }', 'buckets'],
    ['outline(first: 2001) { seq }', 'first'],
    ['outline(maxDepth: 0) { seq }', 'maxDepth'],
    ['outline(after: -1) { seq }', 'after'],
  ] as const) {
    expect((await refused(id, fields))?.[0]?.extensions, fields).toMatchObject({ code: 'BAD_USER_INPUT', argument });
  }
});
