/** What resolvers work with. */
import type { Logger } from 'pino';
import { LimitExceeded } from '../domain/errors.ts';
import type { Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import { LIMITS } from '../domain/limits.ts';
import type { RunRecord } from '../domain/run.ts';
import type { LogHub, LogReader } from '../log/viewer.ts';
import type { Runs, RunUpdates } from '../runs/runs.ts';
import { LogBudget } from './logBudget.ts';
import { RunLoader } from './runLoader.ts';
import type { TextSink } from './textSink.ts';

/** The parts of the service that the API shows. */
export interface Services {
  readonly runs: Runs;
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
  /** Where texts of a log's results go; without one graphql-js makes each result for each viewer. */
  readonly sink?: TextSink;
  /** The body of a POST, parsed. */
  readonly body?: Readonly<Record<string, unknown>>;
  readonly resume?: Resumption;
}

/** Of one operation: a request, or a subscription for as long as it lives. */
export interface ApiContext extends Services, Transport {
  /** Reads runs by id, those of one tick in one question. */
  loadRun(id: RunId): Promise<RunRecord | null>;
  /** What the operation may still read through Run.logs. */
  readonly logBudget: LogBudget;
  /** Notes that the operation lists so many runs. @throws LimitExceeded where they are too many in all */
  takeRuns(count: number): void;
}

/** A context for one operation. */
export const createContext = (services: Services): ApiContext => {
  const loader = new RunLoader(services.runs);
  let listed = 0;
  return {
    ...services,
    loadRun: (id) => loader.load(id),
    logBudget: new LogBudget(),
    takeRuns: (count) => {
      listed += count;
      if (listed > LIMITS.requestRuns) throw new LimitExceeded(`One request lists at most ${LIMITS.requestRuns} runs.`);
    },
  };
};
