/**
 * How fast a long log is searched: `node bench/search/main.ts [lines]`. A rare word at the end of a log of 100-byte lines,
 * beside `zstd -dc | grep -c` on the same bytes, in turns; the memory of the service; and how late live lines come to
 * 100 viewers while ten searches run. Needs zstd and grep. Not part of `npm run bench`.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startRun } from '../../test/support/clients/client.ts';
import { post as request } from '../../test/support/clients/http.ts';
import { spawnService } from '../../test/support/startedService.ts';
import { LiveLag } from './liveLag.ts';

const LINES = Number(process.argv[2] ?? 5_000_000);
const ROUNDS = 5;
const WORD = 'needle-in-the-haystack';
/** 99 characters and LF. The word is in the line before the last. */
const PRINT = `BEGIN { srand(7); for (i = 1; i <= ${LINES}; i++) { if (i == ${LINES - 1}) w = "${WORD}"; else w = "";
  printf "%-99.99s\\n", sprintf("%09d INFO worker-%d request %s finished in %d ms with status 200 %.12f %s", i, i % 7, w, rand() * 900, rand(), rand()) } }`;

const sh = promisify(execFile);
const run = async (script: string): Promise<string> => (await sh('sh', ['-c', script], { maxBuffer: 1e6 })).stdout;
const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
};
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const inSeconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
const memoryOf = (pid: number | undefined, name: string): number =>
  Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

const SEARCH = `query ($id: ID!, $query: LogQuery!, $after: Int) { run(id: $id) {
  search(query: $query, first: 1, after: $after) { scannedTo done hits { event { line } } } } }`;
/** Requests until the whole log is searched; returns their number. */
const searchAll = async (url: string, id: string, query: object): Promise<number> => {
  for (let after = 0, requests = 1; ; requests += 1) {
    const { data, errors } = await request(url, SEARCH, { id, query, after });
    if (errors !== undefined) throw new Error(JSON.stringify(errors));
    const { done, scannedTo } = data.run.search;
    if (done) return requests;
    after = scannedTo;
  }
};

const untilEnded = async (url: string, id: string): Promise<void> => {
  for (;;) {
    const { data } = await request(url, 'query ($id: ID!) { run(id: $id) { status } }', { id });
    if (data.run.status === 'COMPLETED') return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
};

const directory = await mkdtemp(join(tmpdir(), 'runloom-search-'));
await using service = spawnService({
  env: { DATA_DIR: join(directory, 'data'), MAX_LOG_BYTES: '4000000000', VIEWER: 'off', MAX_CONCURRENT_RUNS: '4' },
});
try {
  const url = await service.address();
  const id = await startRun(url, { command: ['awk', PRINT] });
  await untilEnded(url, id);
  const packed = join(directory, 'log.zst');
  await run(`curl -s '${url}/runs/${id}/log.txt' | zstd -q -o '${packed}'`);
  const { pid } = service.child;
  const before = memoryOf(pid, 'VmRSS');
  const grep: number[] = [];
  const results = new Map<string, number[]>();
  const queries: Readonly<Record<string, object>> = {
    'any case': { text: WORD },
    'same case': { text: WORD, caseSensitive: true },
    'regular expression': { text: `needle-[a-z-]+k`, regex: true },
    'level ERROR': { minLevel: 'ERROR' },
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    grep.push(await timed(() => run(`zstd -dc '${packed}' | grep -c ${WORD}`)));
    for (const [name, query] of Object.entries(queries)) {
      const known = results.get(name) ?? [];
      results.set(name, known);
      known.push(await timed(() => searchAll(url, id, query)));
    }
  }
  const unit = median(grep);
  console.log(`${LINES} lines, load ${loadavg()[0]?.toFixed(1)}; medians of ${ROUNDS}`);
  console.log(`zstd -dc | grep -c: ${inSeconds(unit)}`);
  for (const [name, times] of results) {
    console.log(`search, ${name}: ${inSeconds(median(times))}, ${(median(times) / unit).toFixed(1)} times`);
  }
  console.log(`memory: ${before.toFixed(0)} MiB before, ${memoryOf(pid, 'VmHWM').toFixed(0)} MiB at most`);

  const live = await startRun(url, { command: ['sh', '-c', 'while :; do date +%s%N; sleep 0.02; done'] });
  const lag = new LiveLag(url, live, 100);
  await lag.caughtUp();
  const quiet = await lag.measure(10_000);
  const stop = new AbortController();
  const searching = Array.from({ length: 10 }, async () => {
    for (let n = 0; ; n += 1)
      if (stop.signal.aborted) return n;
      else await searchAll(url, id, { text: WORD });
  });
  const busy = await lag.measure(10_000);
  stop.abort();
  const searches = (await Promise.all(searching)).reduce((sum, n) => sum + n, 0);
  await lag.close();
  await request(url, 'mutation ($id: ID!) { cancelRun(input: { runId: $id, force: true }) { run { id } } }', {
    id: live,
  });
  await new Promise((resolve) => setTimeout(resolve, 1000));
  console.log(
    `live lines at 100 viewers, p50 and p99 in ms: ${quiet} alone, ${busy} beside ten searches (${searches} ended)`,
  );
} finally {
  service.child.kill('SIGTERM');
  await service.ended;
  await rm(directory, { recursive: true, force: true });
}
