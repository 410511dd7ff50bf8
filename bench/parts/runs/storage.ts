/** Redis memory of a stored line, by the number of lines in a batch. */
import type { Redis } from 'ioredis';
import type { RunId } from '../../../src/domain/ids.ts';
import { packLog } from '../../../src/log/pack.ts';
import { logKey } from '../../../src/wire/keys.ts';
import { createRun } from '../../../test/support/log.ts';
import { LogFeed } from '../../feed/feed.ts';
import { LINE_BYTES, linesFrom, stampNow } from '../../lines.ts';
import type { Part, Row } from '../part.ts';

const BATCHES = [1, 5, 10, 50] as const;
const LINES = 20_000;
/** Small batches are compacted now and then: memory is read so often in the second half of the run, and the most counts. */
const LOOKS = 10;
const FLOOD_LINES = 300_000;
/** Lines of one read from a pipe. */
const PIECE_LINES = Math.floor((64 * 1024) / (LINE_BYTES + 1));

const NOTE =
  '"Redis bytes per line" is the most while the run is live, "after run" what is left once its log is packed. The last ' +
  'row is a flood, in which the writer chooses the size of a batch.';

const memory = async (redis: Redis, runId: RunId): Promise<number> =>
  Number(await redis.call('MEMORY', 'USAGE', logKey(runId), 'SAMPLES', '0'));

/** Writes `batch` lines at once and waits until they are stored. */
const inBatches = async (redis: Redis, batch: number): Promise<Row> => {
  const runId = await createRun(redis);
  const feed = await LogFeed.open(redis, runId);
  let live = 0;
  let look = LINES / 2;
  for (let next = 1; next <= LINES; next += batch) {
    await feed.write(linesFrom(next, batch, stampNow()), batch);
    const written = next + batch - 1;
    if (written < look) continue;
    live = Math.max(live, (await memory(redis, runId)) / written);
    look += LINES / 2 / LOOKS;
  }
  await feed.finish();
  await packLog(redis, runId);
  return {
    linesPerBatch: batch,
    redisBytesPerLine: live,
    redisBytesPerLineAfterRun: (await memory(redis, runId)) / LINES,
  };
};

function* pieces(): Generator<{ text: Buffer; count: number }> {
  for (let next = 1; next <= FLOOD_LINES; next += PIECE_LINES) {
    const count = Math.min(PIECE_LINES, FLOOD_LINES - next + 1);
    yield { text: linesFrom(next, count, stampNow()), count };
  }
}

/** Writes as fast as the log writer accepts it, about `batch` lines at a time; the writer makes its own batches of them. */
const inFlood = async (redis: Redis, batch: number): Promise<Row> => {
  const runId = await createRun(redis);
  const feed = await LogFeed.open(redis, runId);
  await feed.pour([...pieces()], Math.max(Math.round(batch / PIECE_LINES), 1));
  const linesPerBatch = FLOOD_LINES / (await redis.xlen(logKey(runId)));
  const live = (await memory(redis, runId)) / FLOOD_LINES;
  await feed.finish();
  await packLog(redis, runId);
  return {
    linesPerBatch,
    redisBytesPerLine: live,
    redisBytesPerLineAfterRun: (await memory(redis, runId)) / FLOOD_LINES,
  };
};

export const storagePart: Part = {
  name: 'storage',
  async run({ redis, options, say }) {
    const rows: Row[] = [];
    for (const batch of BATCHES) {
      say(`${batch} lines per batch`);
      rows.push(await inBatches(redis, batch));
    }
    say('a flood');
    rows.push(await inFlood(redis, options.batch));
    return [{ title: 'Redis memory per 100-byte line', note: NOTE, rows }];
  },
};
