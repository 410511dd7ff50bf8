import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { audit, follow, request, startRun, wsClient } from '../support/clients/client.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
}, 90_000);
afterAll(() => service?.stop());

/** A command that prints numbered lines, `perStep` of them every 5 ms; 0 means as fast as possible. */
const counter = (lines: number, perStep: number): string[] => [
  process.execPath,
  '-e',
  `let i = 0; const n = ${lines}, step = ${perStep} || n;
   const go = () => { let text = ''; for (let k = 0; k < step && i < n; k += 1) text += 'line ' + ++i + ' of ' + n + '\\n';
     if (text) process.stdout.write(text, () => (i < n ? setTimeout(go, 5) : undefined)); }; go();`,
];

test('an early viewer, a late one and one that resumes get the same 2,000 lines, and the proof is right', async () => {
  const client = wsClient(service.url);
  const runId = await startRun(service.url, { command: counter(2000, 20) });
  const early = follow(client, runId, { by: 'lines' });
  const head = await follow(client, runId, { enough: 700 });
  const after = head.events.at(-1)?.seq ?? 0;
  const rest = await follow(client, runId, { after });
  const late = await follow(client, runId);
  const first = await early;

  expect(first.completed && rest.completed && late.completed).toBe(true);
  expect(late.events).toEqual(first.events);
  expect([...head.events, ...rest.events]).toEqual(first.events);
  const proof = audit(first.events);
  expect(proof).toMatchObject({ holes: 0, repeats: 0, lines: 2000, finished: true });
  expect(proof.end).toMatchObject({ finalStatus: 'COMPLETED', digest: proof.digest, dropped: 0 });

  const text = await (await fetch(`${service.url}/runs/${runId}/log.txt`)).text();
  expect(createHash('sha256').update(text).digest('hex')).toBe(proof.digest);
  const ndjson = await (await fetch(`${service.url}/runs/${runId}/log.ndjson`)).text();
  expect(
    ndjson
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { seq: number }).seq),
  ).toEqual(first.events.map((event) => event.seq));
  const { data } = await request(service.url, 'query ($id: ID!) { run(id: $id) { status lines digest lastSeq } }', {
    id: runId,
  });
  expect(data?.run).toEqual({ status: 'COMPLETED', lines: 2000, digest: proof.digest, lastSeq: first.events.length });
}, 60_000);

test('a run of 1,000,000 lines is delivered completely, and the service stays below 300 MB', async () => {
  const client = wsClient(service.url);
  const runId = await startRun(service.url, {
    command: ['sh', '-c', "seq -f 'line %.0f of a million, about eighty bytes long, as programs print them' 1000000"],
  });
  let peak = 0;
  const watch = setInterval(() => {
    void residentMb(service.pid).then((mb) => {
      peak = Math.max(peak, mb);
    });
  }, 100);
  // Counted on arrival, so that the client does not keep a million objects.
  let next = 1;
  let lines = 0;
  const hash = createHash('sha256');
  let digest: string | null | undefined;
  const query = `subscription ($runId: ID!) { runLogBatches(runId: $runId) { events { __typename seq
    ... on LogLine { message } ... on RunFinished { digest } } } }`;
  interface Batch {
    readonly runLogBatches: {
      readonly events: readonly { __typename: string; seq: number; message?: string; digest?: string }[];
    };
  }
  for await (const { data } of client.iterate<Batch>({ query, variables: { runId } })) {
    for (const event of data?.runLogBatches.events ?? []) {
      if (event.seq !== next) throw new Error(`expected ${next}, got ${event.seq}`);
      next += 1;
      if (event.__typename === 'LogLine') {
        lines += 1;
        hash.update(`${event.message}\n`);
      }
      if (event.__typename === 'RunFinished') digest = event.digest;
    }
  }
  clearInterval(watch);
  expect(lines).toBe(1_000_000);
  expect(digest).toBe(hash.digest('hex'));
  expect(peak).toBeGreaterThan(20);
  expect(peak).toBeLessThan(300);
  process.stdout.write(`peak memory of the service while it delivered 1,000,000 lines: ${Math.round(peak)} MB\n`);
}, 180_000);

const residentMb = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
};
