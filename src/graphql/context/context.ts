/** The context of resolvers. */
import type { ExecutionResult } from 'graphql';
import type { Logger } from 'pino';
import { Work } from '../../async/workTurn.ts';
import type { AuditTrail } from '../../audit/auditTrail.ts';
import type { TextSink } from '../../delivery/textSink.ts';
import type { Caller } from '../../domain/caller.ts';
import type { Seq } from '../../domain/events.ts';
import type { RunId } from '../../domain/ids.ts';
import type { RunDetail, RunDetails, RunSummary } from '../../domain/run.ts';
import type { LogLinks } from '../../identity/logLinks.ts';
import type { Tokens, TokensFor } from '../../identity/tokenCommands.ts';
import type { ClientLimits } from '../../limits/clientLimits.ts';
import { type Client, clientOf } from '../../limits/who.ts';
import type { LogHub, LogReader } from '../../log/viewer.ts';
import type { Runs, RunsFor, RunUpdates } from '../../runs/records/runs.ts';
import type { Searches } from '../../search/searches.ts';
import { RequestBudget } from '../budget/requestBudget.ts';
import { DetailLoader } from '../loaders/detailLoader.ts';
import { RunLoader } from '../loaders/runLoader.ts';

/** The parts of the service that the API needs. */
export interface Services {
  readonly runsFor: RunsFor;
  readonly tokensFor: TokensFor;
  readonly updates: RunUpdates;
  readonly hub: LogHub;
  readonly reader: LogReader;
  readonly searches: Searches;
  readonly logLinks: LogLinks;
  readonly logger: Logger;
  /** What callers and addresses can use. Undefined (in tests): no limits. */
  readonly limits?: ClientLimits | undefined;
}

/** A client that resumes a log, as EventSource does. Its position is used instead of the argument `after`. */
export interface Resumption {
  readonly after: Seq;
  /** Set if the run ended at this position: the subscription is refused, and the client must not reconnect. */
  nothingFollows: boolean;
}

/** What the transport passes to an operation. */
export interface Transport {
  /** Who asks. Resolvers reach runs only through the calls that are bound to it (ApiContext.runs). */
  readonly caller: Caller;
  /** Address of the client, for the audit trail. */
  readonly address: string;
  /** How the caller is counted. Default: by its name and address. */
  readonly client?: Client;
  /** Takes shared texts of a log's results. Without it graphql-js makes each result for each viewer. */
  readonly sink?: TextSink;
  /** The parsed body of a POST, or the parameters of a GET. */
  readonly body?: Readonly<Record<string, unknown>>;
  readonly resume?: Resumption;
  /** Aborts when the client leaves. */
  readonly signal?: AbortSignal;
  /** Takes a large result of a query. The transport makes its text itself, with resultPieces. */
  readonly takeLarge?: (result: ExecutionResult) => void;
  /** Work of the operation: long lists and texts are made in its slices. */
  readonly work?: Work;
  /** Resolves when the operation has ended: a subscription too. Default: when its client has left. */
  readonly over?: Promise<void>;
  /** Resolves when the text of a query's response is made; a large response keeps its seat until then. Never rejects. */
  readonly written?: Promise<void>;
}

/** The context of one operation: of a request, or of a subscription for as long as it lives. */
export interface ApiContext extends Omit<Services, 'runsFor' | 'tokensFor'>, Transport {
  readonly client: Client;
  /** To be called before a new run is created. @throws ShareUsedUp */
  readonly admitStart: () => Promise<void>;
  /** The runs as the caller has them. */
  readonly runs: Runs;
  /** The calls on tokens that are bound to the caller. */
  readonly tokens: Tokens;
  readonly audit: AuditTrail;
  /** Reads a run by id. Those of one tick are read together. */
  loadRun(id: RunId): Promise<RunSummary | null>;
  /** Reads a large member of a run. @throws NotFound if the run was removed, LimitExceeded, Unavailable */
  loadDetail<Name extends RunDetail>(id: RunId, name: Name): Promise<RunDetails[Name]>;
  /** What the operation can still read. */
  readonly budget: RequestBudget;
  readonly work: Work;
}

/** For transports that do not notice when their client leaves. */
const NEVER = new AbortController().signal;
/** Client of a transport that does not name one. */
const NOBODY = '';

/** A context for one operation. */
export const createContext = (
  { runsFor, tokensFor, ...services }: Services & { readonly audit: AuditTrail },
  { caller, address, client = clientOf(address, caller), signal = NEVER, work = new Work(NOBODY) }: Transport,
): ApiContext => {
  const runs = runsFor(caller);
  const budget = new RequestBudget(signal, work);
  const loader = new RunLoader(runs, budget);
  const details = new DetailLoader(runs, budget);
  return {
    ...services,
    caller,
    address,
    client,
    admitStart: async () => await services.limits?.start(client),
    runs,
    tokens: tokensFor(caller),
    loadRun: (id) => loader.load(id),
    loadDetail: (id, name) => details.load(id, name),
    budget,
    work,
  };
};
