/** What resolvers work with. */
import type { ExecutionResult } from 'graphql';
import type { Logger } from 'pino';
import { Work } from '../../async/workTurn.ts';
import type { TextSink } from '../../delivery/textSink.ts';
import type { Caller } from '../../domain/caller.ts';
import type { Seq } from '../../domain/events.ts';
import type { RunId } from '../../domain/ids.ts';
import type { RunDetail, RunDetails, RunSummary } from '../../domain/run.ts';
import type { LogHub, LogReader } from '../../log/viewer.ts';
import type { Runs, RunsFor, RunUpdates } from '../../runs/records/runs.ts';
import { RequestBudget } from '../budget/requestBudget.ts';
import { DetailLoader } from '../loaders/detailLoader.ts';
import { RunLoader } from '../loaders/runLoader.ts';

/** The parts of the service that the API shows. */
export interface Services {
  readonly runsFor: RunsFor;
  readonly updates: RunUpdates;
  readonly hub: LogHub;
  readonly reader: LogReader;
  readonly logger: Logger;
}

/** A reader of a log that comes back, as EventSource does; its position wins over the argument `after`. */
export interface Resumption {
  readonly after: Seq;
  /** Set where the run ended right there: the reader is to be told to stay away, and the subscription is refused. */
  nothingFollows: boolean;
}

/** What the transport of an operation brings with it. */
export interface Transport {
  /** Who asks. Resolvers reach runs only through the calls that are bound to it (ApiContext.runs). */
  readonly caller: Caller;
  /** Where texts of a log's results go; without one graphql-js makes each result for each viewer. */
  readonly sink?: TextSink;
  /** What a request asks for: the body of a POST, parsed, or a GET's parameters. */
  readonly body?: Readonly<Record<string, unknown>>;
  readonly resume?: Resumption;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
  /** Takes the result of a query whose text is large: the transport makes it itself, with resultPieces. */
  readonly takeLarge?: (result: ExecutionResult) => void;
  /** What the operation does; long lists and texts are made in its slices. */
  readonly work?: Work;
  /** Resolves when the text of a query's answer is made; until then a large answer keeps its seat. Never rejects. */
  readonly written?: Promise<void>;
}

/** Of one operation: a request, or a subscription for as long as it lives. */
export interface ApiContext extends Omit<Services, 'runsFor'>, Transport {
  /** The runs as the caller has them. */
  readonly runs: Runs;
  /** Reads runs by id, those of one tick in one question. */
  loadRun(id: RunId): Promise<RunSummary | null>;
  /** Reads what of a run is large. @throws NotFound where it is gone, LimitExceeded, Unavailable */
  loadDetail<Name extends RunDetail>(id: RunId, name: Name): Promise<RunDetails[Name]>;
  /** What it may cost. */
  readonly budget: RequestBudget;
  readonly work: Work;
}

/** Of a transport that can't tell when its client leaves. */
const NEVER = new AbortController().signal;
/** The client of a transport that names none. */
const NOBODY = '';

/** A context for one operation. */
export const createContext = (
  { runsFor, ...services }: Services,
  { caller, signal = NEVER, work = new Work(NOBODY) }: Transport,
): ApiContext => {
  const runs = runsFor(caller);
  const budget = new RequestBudget(signal, work);
  const loader = new RunLoader(runs, budget);
  const details = new DetailLoader(runs, budget);
  return {
    ...services,
    caller,
    runs,
    loadRun: (id) => loader.load(id),
    loadDetail: (id, name) => details.load(id, name),
    budget,
    work,
  };
};
