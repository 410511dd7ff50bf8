/** The executor's own log writer in the test's process, for what only it does: batching, putting back, compacting. */
import type { Redis } from 'ioredis';
import { LogWriter } from '../../../executor/write/logWriter.ts';
import type { RunId } from '../../../src/domain/ids.ts';
import type { RunRecord } from '../../../src/domain/run.ts';
import { claimLog } from '../../../src/wire/append.ts';

const BUFFER_BYTES = 8 * 1024 * 1024;

/** Claims the log as an executor does. The record is that of the claim. */
export const openWriter = async (redis: Redis, runId: RunId): Promise<{ writer: LogWriter; run: RunRecord }> => {
  const claim = await claimLog(redis, runId, { writer: `writer of ${runId}`, attempt: null, statuses: ['PENDING'] });
  if (claim.code !== 'OK') throw new Error(`claim: ${claim.code}`);
  const events = { onReply: () => undefined, onPressure: () => undefined };
  return { writer: new LogWriter(redis, { run: claim.run, stored: [] }, BUFFER_BYTES, events), run: claim.run };
};
