/** Names in Redis (PROTOCOL.md, "Names in Redis"). All keys of a run have one hash tag, so they are in one cluster slot. */
import type { RunId } from '../domain/ids.ts';

/** Hash: the run's record. */
export const recordKey = (runId: RunId): string => `run:{${runId}}`;
/** Hash: what the service decided about the run (record/fixedFields.ts). Executors cannot write it. */
export const fixedKey = (runId: RunId): string => `run:{${runId}}:fixed`;
/**
 * Stream: one entry per batch, fields d (batch), l (lines), b (message bytes). Its ID is `<last seq of the batch>-0`,
 * or `-1` if it replaced smaller ones (compact.ts).
 */
export const logKey = (runId: RunId): string => `run:{${runId}}:log`;
/** Hash: marks and groups of the log (logIndex/). */
export const indexKey = (runId: RunId): string => `run:{${runId}}:index`;
/** String with a TTL: which process supervises the run at present. */
export const leaseKey = (runId: RunId): string => `run:{${runId}}:lease`;
/** Stream with a short TTL: the log while one process packs it (pack.ts); `packing` is unique for each packing. */
export const packedKey = (runId: RunId, packing: string): string => `run:{${runId}}:packed:${packing}`;
/** String with a TTL: the newest seq that viewers have received, if Redis is behind it (lossyRedis/heads.ts). */
export const seenKey = (runId: RunId): string => `run:{${runId}}:seen`;
/** Channel: batches as they are stored. */
export const logChannel = (runId: RunId): string => `run_logs:${runId}`;
/**
 * Channel: what the service and the executor of a run tell each other (announcements.ts). Only hints: the record is the
 * truth.
 */
export const controlChannel = (runId: RunId): string => `run_control:${runId}`;
/** Channel: RunUpdate of every run. Only the service publishes on it. */
export const UPDATES_CHANNEL = 'run_updates';

/** All keys that an executor and the scripts it calls write (src/redis/executors). A new one must be added here. */
export const executorKeys = (runId: RunId): readonly string[] => [recordKey(runId), logKey(runId), indexKey(runId)];
/** All keys that they read only. */
export const executorReadKeys = (runId: RunId): readonly string[] => [fixedKey(runId)];
/** All channels that it uses. */
export const executorChannels = (runId: RunId): readonly string[] => [logChannel(runId), controlChannel(runId)];
