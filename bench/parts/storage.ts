/** Redis memory of a stored line, by the size of the batches. */

import { logKey } from '../../src/log/keys.ts';
import { createRun } from '../../test/support/log.ts';
import { LogFeed } from '../feed/feed.ts';
import { linesFrom, stampNow } from '../lines.ts';
import type { Part, Row } from './part.ts';

const BATCHES = [1, 5, 10, 50] as const;
/** At least; of large batches 20, so that the last one's size does not matter. */
const LINES = 20_000;

export const storagePart: Part = {
  name: 'storage',
  async run({ redis, options, say }) {
    const rows: Row[] = [];
    for (const batch of [...BATCHES, options.batch]) {
      say(`storage: ${batch} lines a batch`);
      const lines = Math.max(LINES, 20 * batch);
      const runId = await createRun(redis);
      const feed = await LogFeed.open(redis, runId);
      const bytesPerLine = async (): Promise<number> =>
        Number(await redis.call('MEMORY', 'USAGE', logKey(runId), 'SAMPLES', '0')) / lines;
      for (let next = 1; next <= lines; next += batch) {
        const count = Math.min(batch, lines - next + 1);
        await feed.write(linesFrom(next, count, stampNow()), count);
      }
      const live = await bytesPerLine();
      await feed.finish();
      rows.push({ linesPerBatch: batch, redisBytesPerLine: live, afterTheRun: await bytesPerLine() });
    }
    return [{ title: 'Redis memory of a 100-byte line', rows }];
  },
};
