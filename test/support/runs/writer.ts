/** The log writer of the executor, in the process of the test: for batching, restoring lost events, and compacting. */
import type { Redis } from 'ioredis';
import { LogWriter } from '../../../executor/write/logWriter.ts';
import type { RunId } from '../../../src/domain/ids.ts';
import type { RunRecord } from '../../../src/domain/run.ts';
import { claimLog } from '../../../src/wire/append.ts';

const BUFFER_BYTES = 8 * 1024 * 1024;

/** Claims the log as an executor does, and uses the record of the claim. */
export const openWriter = async (redis: Redis, runId: RunId): Promise<{ writer: LogWriter; run: RunRecord }> => {
  const claim = await claimLog(redis, runId, { writer: `writer of ${runId}`, attempt: null, statuses: ['PENDING'] });
  if (claim.code !== 'OK') throw new Error(`could not claim the log: ${claim.code}`);
  const events = { onReply: () => undefined, onPressure: () => undefined };
  return { writer: new LogWriter(redis, { run: claim.run, stored: [] }, BUFFER_BYTES, events), run: claim.run };
};
