import { openHttp, client } from './support/http.ts';
import { createRun, finished, PlainWriter } from './support/log.ts';
const api = await openHttp();
const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
const N = 1_000_000;
for (let i = 0; i < N / 2000; i++) await writer.lines(2000, 'some text of a line that is about a hundred bytes long, as most lines are, give or take');
await writer.append([finished()]);
console.log('written; rss', (process.memoryUsage().rss / 1e6) | 0);
for (const [field, query] of [['runLogBatches', 'subscription ($id: ID!) { runLogBatches(runId: $id) { lastSeq events { seq ... on LogLine { stream level message timestamp } } } }'], ['runLogs', 'subscription ($id: ID!) { runLogs(runId: $id) { seq ... on LogLine { message } } }']] as const) {
  const ws = client(api.url);
  const t = performance.now(); let n = 0, next = 1, bad = 0, peak = 0;
  await new Promise<void>((resolve, reject) => ws.subscribe({ query, variables: { id: writer.runId } }, {
    next: ({ data, errors }: any) => { if (errors) reject(errors); const d = data[field]; for (const e of d.events ?? [d]) { if (e.seq !== next) bad++; next = e.seq + 1; n++; } if (n % 50000 < 500) peak = Math.max(peak, process.memoryUsage().rss); },
    error: reject, complete: resolve }));
  const ms = performance.now() - t;
  console.log(field, n, 'bad', bad, (n / ms * 1000) | 0, 'lines/s (client in the same process); peak rss', (peak / 1e6) | 0);
  await ws.dispose();
}
await api[Symbol.asyncDispose]();
process.exit();
