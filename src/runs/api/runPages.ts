/** Reads pages of runs: walks the index in chunks, filters in memory, and removes ids without a record from the index. */
import type { Redis } from 'ioredis';
import { type Release, Semaphore } from '../../async/semaphore.ts';
import { type Caller, seesRun } from '../../domain/caller.ts';
import { Busy, LimitExceeded } from '../../domain/errors.ts';
import type { RunId } from '../../domain/ids.ts';
import { LIMITS } from '../../domain/limits.ts';
import { isTerminal, type RunSummary } from '../../domain/run.ts';
import { readFacts } from '../records/facts.ts';
import { activeIndex, runsIndex } from '../records/indexKeys.ts';
import { type IdRange, idRange, type RunFilter, type RunMatcher, runMatcher } from '../records/runFilter.ts';
import type { RunPage, RunPageRequest, Scan } from '../records/runs.ts';
import { readSummaries } from '../records/store.ts';

/** Ids of one step of a walk: one round trip, and little memory. */
const CHUNK = 200;
/** How long a page can take, with its wait for other pages. It is below STORE_DEADLINE_MS, which is for outages. */
const SCAN_MS = 4000;
/** For walks that need one run; more than one, since records can be gone. */
const SMALL_CHUNK = 10;
/** Walks beyond the first chunk, one step at a time in this process: together they load the event loop like one. */
const steps = new Semaphore(1, { what: 'scans of the list of runs' });

/** Direction of a walk; `older` is the order of pages, newest first. */
type Direction = 'older' | 'newer';

interface Walk {
  readonly direction: Direction;
  /** Start and end, in the form of ZRANGE BYLEX: `(id`, `[id`, `+`, `-`. */
  readonly from: string;
  readonly to: string;
}

interface Walked {
  readonly ids: readonly RunId[];
  /** The last id that was looked at. */
  readonly last: RunId | null;
  /** `bound`: the scan's limit was reached, and there can be more. `all`: the range has no more. */
  readonly end: 'enough' | 'all' | 'bound';
}

/** As Runs.page. @throws the connection's error too */
export const readPage = async (
  redis: Redis,
  caller: Caller,
  { request, scan }: { readonly request: RunPageRequest; readonly scan: Scan },
): Promise<RunPage> => {
  const { after, before, filter } = request;
  const forward = request.last === undefined;
  const list = new List(redis, caller, filter, scan);
  const until = (): AbortSignal => AbortSignal.any([scan.signal, AbortSignal.timeout(SCAN_MS)]);
  const newest = after === undefined ? '+' : `(${after}`;
  const oldest = before === undefined ? '-' : `(${before}`;
  const walk: Walk = forward
    ? { direction: 'older', from: newest, to: oldest }
    : { direction: 'newer', from: oldest, to: newest };
  const walked = await scan.inTurn(() => list.page(walk, (forward ? request.first : request.last) ?? 0, until()));
  const runs = await list.read(forward ? walked.ids : walked.ids.toReversed());

  /** Whether more runs match in the walk's direction: after its end, or after the cursor that ended it. */
  const beyond = async (): Promise<boolean> => {
    if (walked.end === 'bound') return true;
    const cursor = forward ? before : after;
    const from = walked.end === 'enough' && walked.last !== null ? `(${walked.last}` : cursor && `[${cursor}`;
    return from === undefined ? false : await list.some(walk.direction, from, until());
  };
  /** Whether more runs match in the other direction: none where the walk began at an end of the list. */
  const behind = async (): Promise<boolean> => {
    const cursor = forward ? after : before;
    return cursor === undefined ? false : await list.some(forward ? 'newer' : 'older', `[${cursor}`, until());
  };
  const reached = walked.end === 'bound' ? walked.last : null;
  return {
    runs,
    start: (forward ? null : reached) ?? runs[0]?.id ?? null,
    end: (forward ? reached : null) ?? runs.at(-1)?.id ?? null,
    hasNext: forward ? beyond : behind,
    hasPrevious: forward ? behind : beyond,
  };
};

/** Unfinished runs have their own index, which is short. */
const indexFor = ({ tenant }: Caller, { status }: RunFilter): string =>
  status?.length && !status.some(isTerminal) ? activeIndex(tenant) : runsIndex(tenant);

const isUsedUp = ({ left, bytesLeft }: Scan): boolean => left <= 0 || bytesLeft <= 0;

/** The walk as far as it is in the range. */
const within = ({ direction, from, to }: Walk, { low, high }: IdRange): Walk =>
  direction === 'older'
    ? { direction, from: lower(from, high), to: higher(to, low) }
    : { direction, from: higher(from, low), to: lower(to, high) };

/** The narrower of two borders in the form of ZRANGE BYLEX. */
const lower = (one: string, other: string): string =>
  one === '+' || (other !== '+' && other.slice(1) < one.slice(1)) ? other : one;
const higher = (one: string, other: string): string =>
  one === '-' || (other !== '-' && other.slice(1) > one.slice(1)) ? other : one;

class List {
  readonly #redis: Redis;
  readonly #caller: Caller;
  readonly #filter: RunFilter;
  readonly #matches: RunMatcher | null;
  readonly #index: string;
  readonly #range: IdRange;
  readonly #scan: Scan;
  readonly #summaries = new Map<RunId, RunSummary>();

  constructor(redis: Redis, caller: Caller, filter: RunFilter, scan: Scan) {
    this.#redis = redis;
    this.#caller = caller;
    this.#filter = filter;
    this.#matches = runMatcher(filter);
    this.#index = indexFor(caller, filter);
    this.#range = idRange(filter);
    this.#scan = scan;
  }

  /** The first `wanted` ids of the walk that match. */
  async walk(given: Walk, wanted: number, signal: AbortSignal): Promise<Walked> {
    const { direction, from: begin, to } = within(given, this.#range);
    const found: RunId[] = [];
    let last: RunId | null = null;
    const bound = Math.max(this.#scan.left - LIMITS.pageRuns, 0);
    const bytesBound = Math.max(this.#scan.bytesLeft - LIMITS.pageFilterBytes, 0);
    for (let from = begin; ; from = `(${last}`) {
      const leave = await this.#mayStep(signal);
      const rest = { direction, from, to };
      const step = await this.#step(rest, wanted - found.length, signal).finally(() => leave?.());
      for (const { id, matches } of step.present) {
        last = id;
        if (matches) found.push(id);
        if (found.length >= wanted) return { ids: found, last, end: 'enough' };
      }
      if (step.last === null) return { ids: found, last, end: 'all' };
      last = step.last;
      if (this.#scan.left <= bound || this.#scan.bytesLeft <= bytesBound) return { ids: found, last, end: 'bound' };
    }
  }

  /** Waits for this walk's turn among all requests; the first step of a request does not wait. */
  async #mayStep(signal: AbortSignal): Promise<Release | null> {
    try {
      signal.throwIfAborted();
      return this.#scan.left === LIMITS.requestScan ? null : await steps.acquire(signal);
    } catch (error) {
      if (this.#scan.signal.aborted || error instanceof LimitExceeded) throw error;
      throw new Busy('Too many lists of runs are being read. Ask for fewer lists, or try again in a moment.');
    }
  }

  /** `walk` for a page. @throws LimitExceeded where the request has looked at too many runs */
  async page(walk: Walk, wanted: number, signal: AbortSignal): Promise<Walked> {
    if (isUsedUp(this.#scan)) {
      throw new LimitExceeded(
        `One request can look at ${LIMITS.requestScan} runs, and ${LIMITS.requestFilterBytes} bytes of their texts, at most. Ask for fewer lists in one request.`,
      );
    }
    return await this.walk(walk, wanted, signal);
  }

  /** Whether a run of the walk matches; also true where the scan's limit is reached first. */
  async some(direction: Direction, from: string, signal: AbortSignal): Promise<boolean> {
    return await this.#scan.inTurn(async () => {
      if (isUsedUp(this.#scan)) return true;
      const { end } = await this.walk({ direction, from, to: direction === 'older' ? '-' : '+' }, 1, signal);
      return end !== 'all';
    });
  }

  /** The runs that still match: a status can have changed since the walk. */
  async read(ids: readonly RunId[]): Promise<RunSummary[]> {
    if (this.#matches === null) return ids.flatMap((id) => this.#summaries.get(id) ?? []);
    const { status } = this.#filter;
    const runs = await readSummaries(this.#redis, ids);
    const seen = runs.filter((run) => run !== null && seesRun(this.#caller, run)).filter((run) => run !== null);
    return seen.filter((run) => !status?.length || status.includes(run.status));
  }

  /** Looks at the next chunk. `last`: the chunk's last id; null: it was the last chunk. */
  async #step(walk: Walk, wanted: number, signal: AbortSignal): Promise<Step> {
    const size = this.#matches === null ? Math.min(Math.max(wanted, SMALL_CHUNK), CHUNK) : CHUNK;
    const { runs: own } = this.#caller;
    const ids = own === null ? await chunk(this.#redis, this.#index, walk, size) : chunkOf(own, walk, size);
    this.#scan.left -= ids.length;
    const present = await this.#look(ids, signal);
    const gone = ids.filter((_id, i) => present[i] === null);
    // Not from the unfinished runs: a record that was lost can be written again, and the reconciler removes the id.
    const all = this.#index === runsIndex(this.#caller.tenant);
    if (gone.length > 0 && all) await this.#redis.zrem(this.#index, ...gone);
    return { present: present.filter((one) => one !== null), last: ids.length < size ? null : (ids.at(-1) ?? null) };
  }

  /** Reads what the filter compares; without a filter, the summaries themselves. */
  async #look(ids: readonly RunId[], signal: AbortSignal): Promise<readonly (Looked | null)[]> {
    const matcher = this.#matches;
    if (matcher !== null) {
      const { facts, bytes } = await readFacts(this.#redis, ids, matcher, signal);
      this.#scan.bytesLeft -= bytes;
      return facts.map((run) => run && { id: run.id, matches: matcher.matches(run) });
    }
    const runs = (await readSummaries(this.#redis, ids)).map((run) => run && (seesRun(this.#caller, run) ? run : null));
    for (const run of runs) if (run !== null) this.#summaries.set(run.id, run);
    return runs.map((run) => run && { id: run.id, matches: true });
  }
}

interface Looked {
  readonly id: RunId;
  readonly matches: boolean;
}
interface Step {
  readonly present: readonly Looked[];
  readonly last: RunId | null;
}

const chunk = async (redis: Redis, index: string, { direction, from, to }: Walk, size: number): Promise<RunId[]> =>
  (direction === 'older'
    ? await redis.zrevrangebylex(index, from, to, 'LIMIT', 0, size)
    : await redis.zrangebylex(index, from, to, 'LIMIT', 0, size)) as RunId[];

/** The same for a caller that sees given runs only: at most LIMITS.runTokenRuns. */
const chunkOf = (runs: ReadonlySet<RunId>, { direction, from, to }: Walk, size: number): RunId[] => {
  const [low, high] = direction === 'older' ? [to, from] : [from, to];
  const within = [...runs].filter((id) => isBeyond(id, low, 1) && isBeyond(id, high, -1)).sort();
  return (direction === 'older' ? within.reverse() : within).slice(0, size);
};

/** Whether the id is above (1) or below (-1) a border in the form of ZRANGE BYLEX. */
const isBeyond = (id: RunId, border: string, side: 1 | -1): boolean => {
  if (border === '-' || border === '+') return true;
  const bound = border.slice(1);
  return id === bound ? border.startsWith('[') : id > bound === (side === 1);
};
