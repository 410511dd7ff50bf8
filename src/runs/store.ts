/** Reads of runs. Nothing here changes a run; the index alone is tidied where a record is gone. */
import type { Redis } from 'ioredis';
import type { RunId } from '../domain/ids.ts';
import type { Label, RunRecord, RunStatus } from '../domain/run.ts';
import { recordKey } from '../log/keys.ts';
import { parseRecord } from '../log/record.ts';
import { RUNS_INDEX } from './keys.ts';
import { matchesFilter, type RunFilter, type RunPage, type RunPageRequest } from './runs.ts';

/** Ids looked at by one step of a walk: one round trip, and what is in memory of it is small. */
const CHUNK = 200;

/** One record. @throws the connection's error */
export const readRun = async (redis: Redis, id: RunId): Promise<RunRecord | null> =>
  parseRecord(await redis.hgetall(recordKey(id)));

/** Several, in the order of the ids, in one round trip. @throws the connection's error */
export const readRuns = async (redis: Redis, ids: readonly RunId[]): Promise<(RunRecord | null)[]> => {
  if (ids.length === 0) return [];
  const pipeline = redis.pipeline();
  for (const id of ids) pipeline.hgetall(recordKey(id));
  return replies(await pipeline.exec()).map((fields) => parseRecord(fields as Record<string, string>));
};

/** The answers of a pipeline. @throws the first error among them */
export const replies = (results: readonly [Error | null, unknown][] | null): unknown[] =>
  (results ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  });

/** Which way a walk goes: older is the order of pages, newest first. */
type Direction = 'older' | 'newer';

interface Walk {
  readonly direction: Direction;
  /** Where it starts and stops, in ZRANGE BYLEX's form: `(id`, `[id`, `+`, `-`. */
  readonly from: string;
  readonly to: string;
  readonly filter: RunFilter;
}

/**
 * A page of runs, newest first. Walks the index in chunks and filters in memory, so a filter that
 * nearly nothing matches reads status and labels of every run in the range. @throws the connection's error
 */
export const readPage = async (redis: Redis, request: RunPageRequest): Promise<RunPage> => {
  const { after, before, filter } = request;
  const newest = after === undefined ? '+' : `(${after}`;
  const oldest = before === undefined ? '-' : `(${before}`;
  const forward = request.last === undefined;
  const size = (forward ? request.first : request.last) ?? 0;
  const walk: Walk = forward
    ? { direction: 'older', from: newest, to: oldest, filter }
    : { direction: 'newer', from: oldest, to: newest, filter };
  const found = await matches(redis, walk, size + 1);
  const more = found.length > size;
  const ids = found.slice(0, size);
  if (!forward) ids.reverse();

  const older = forward && more ? true : await beyond(redis, 'older', ids.at(-1), before, filter);
  const newer = !forward && more ? true : await beyond(redis, 'newer', ids[0], after, filter);
  const runs = (await readRuns(redis, ids)).filter((run) => run !== null && matchesFilter(run, filter));
  return { runs: runs.filter((run) => run !== null), hasNext: older, hasPrevious: newer };
};

/** Whether a run matches beyond the page's edge: past its last (first) run, or from the cursor on where it is empty. */
const beyond = async (
  redis: Redis,
  direction: Direction,
  edge: RunId | undefined,
  cursor: RunId | undefined,
  filter: RunFilter,
): Promise<boolean> => {
  if (edge === undefined && cursor === undefined) return false;
  const from = edge === undefined ? `[${cursor}` : `(${edge}`;
  const walk: Walk = { direction, from, to: direction === 'older' ? '-' : '+', filter };
  return (await matches(redis, walk, 1)).length > 0;
};

/** The first `wanted` ids of the walk that match. */
const matches = async (redis: Redis, walk: Walk, wanted: number): Promise<RunId[]> => {
  const found: RunId[] = [];
  let from = walk.from;
  while (found.length < wanted) {
    const ids = await chunk(redis, walk.direction, from, walk.to);
    if (ids.length === 0) break;
    for (const one of await heads(redis, ids)) {
      if (matchesFilter(one, walk.filter)) found.push(one.id);
    }
    from = `(${ids.at(-1)}`;
    if (ids.length < CHUNK) break;
  }
  return found.slice(0, wanted);
};

const chunk = async (redis: Redis, direction: Direction, from: string, to: string): Promise<RunId[]> =>
  (direction === 'older'
    ? await redis.zrevrangebylex(RUNS_INDEX, from, to, 'LIMIT', 0, CHUNK)
    : await redis.zrangebylex(RUNS_INDEX, from, to, 'LIMIT', 0, CHUNK)) as RunId[];

interface RunHead {
  readonly id: RunId;
  readonly status: RunStatus;
  readonly labels: readonly Label[];
}

/** What a filter needs of each run; ids without a record leave the index. */
const heads = async (redis: Redis, ids: readonly RunId[]): Promise<RunHead[]> => {
  const pipeline = redis.pipeline();
  for (const id of ids) pipeline.hmget(recordKey(id), 'status', 'labels');
  const found: RunHead[] = [];
  const gone: RunId[] = [];
  const answers = replies(await pipeline.exec()) as [string | null, string | null][];
  for (const [i, [status, labels]] of answers.entries()) {
    const id = ids[i];
    if (id === undefined) continue;
    if (status === null) gone.push(id);
    else found.push({ id, status: status as RunStatus, labels: JSON.parse(labels || '[]') as Label[] });
  }
  if (gone.length > 0) await redis.zrem(RUNS_INDEX, ...gone);
  return found;
};
