/** A run: its states, why it failed, and its record. How the record is stored in Redis is in wire/runRecord.ts. */
import type { EpochMs, JsonValue, ProgressUpdatedDraft, Seq } from './events.ts';
import type { RunId } from './ids.ts';

/** The states of a run (schema/schema.graphql, RunStatus). This list will not grow. */
export const RUN_STATUSES = ['PENDING', 'STARTING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED'] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];
export type TerminalStatus = 'COMPLETED' | 'FAILED' | 'CANCELLED';

export const isTerminal = (status: RunStatus): status is TerminalStatus =>
  status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED';

export const FAILURE_REASONS = [
  'NONZERO_EXIT',
  'SIGNALLED',
  'OUT_OF_MEMORY',
  'TIMEOUT',
  'COMMAND_NOT_STARTED',
  'IMAGE_UNAVAILABLE',
  'LAUNCH_FAILED',
  'EXECUTOR_LOST',
] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

export interface Failure {
  readonly reason: FailureReason;
  /** One sentence for a person. */
  readonly message: string;
  /** Name of the signal that ended the command, such as SIGKILL; null if none did. */
  readonly signal: string | null;
}

/** How an attempt ended. `failure` is null for COMPLETED and CANCELLED. */
export interface AttemptEnd {
  readonly status: TerminalStatus;
  readonly exitCode: number | null;
  readonly failure: Failure | null;
  /** The reason that the caller gave for the cancel; RunFinished says "Run CANCELLED: <reason>". */
  readonly cancelReason: string | null;
  /** SHA-256 over the attempt's command lines; null in the cases of PROTOCOL.md, E5b, E5c. */
  readonly digest: string | null;
}

export interface EnvVar {
  readonly name: string;
  /** If `secret`, in a stored record: the value sealed by runs/records/secrets.ts, never the plain one. */
  readonly value: string;
  readonly secret: boolean;
}
export interface Label {
  readonly name: string;
  readonly value: string;
}
export interface Resources {
  /** CPU cores, such as 0.5. */
  readonly cpus: number | null;
  readonly memoryMb: number | null;
}

/** The input of startRun, checked and with defaults. */
export interface RunSpec {
  readonly name: string | null;
  /** The requested image; null means the service's executor image. */
  readonly image: string | null;
  readonly command: readonly string[];
  readonly input: JsonValue | undefined;
  readonly env: readonly EnvVar[];
  readonly labels: readonly Label[];
  readonly timeoutSeconds: number | null;
  readonly resources: Resources;
  readonly maxAttempts: number;
  readonly backoffSeconds: number;
}

/** The run's record as Redis had it at one moment, with how far its log goes and who writes it. */
export interface RunRecord extends Omit<RunSpec, 'image'> {
  readonly id: RunId;
  /** Whose run it is. It never changes. */
  readonly tenant: string;
  /** Subject of the caller who started it; null for runs of services without tenants. */
  readonly createdBy: string | null;
  /** The image that the API shows: the requested one, or the executor image's name. */
  readonly image: string;
  readonly status: RunStatus;
  readonly attempt: number;
  readonly exitCode: number | null;
  readonly failure: Failure | null;
  readonly createdAt: EpochMs;
  readonly startedAt: EpochMs | null;
  readonly finishedAt: EpochMs | null;
  readonly cancelRequestedAt: EpochMs | null;
  readonly cancelReason: string | null;
  readonly cancelForce: boolean;
  readonly retryOf: RunId | null;
  /** Between two attempts: when the next one is due. */
  readonly retryAt: EpochMs | null;
  /** The attempt that a supervisor can start while the run is PENDING. */
  readonly nextAttempt: number;
  readonly progress: (ProgressUpdatedDraft & { readonly seq: Seq; readonly attempt: number }) | null;
  readonly output: JsonValue | undefined;
  readonly lines: number;
  readonly bytes: number;
  readonly dropped: number;
  readonly digest: string | null;
  readonly lastSeq: Seq;
  /** True once RunFinished is stored: nothing is ever added after it. */
  readonly closed: boolean;
  /**
   * Where the attempt is executed (Launcher.engine); null before the first attempt, and in runs of older versions. Services
   * that do not see this engine do not decide that the attempt has ended.
   */
  readonly engine: string | null;
  /** When the executor last showed that it is alive, by Redis' clock; null where it never did. */
  readonly beat: EpochMs | null;
  /** The term of the log's current writer. */
  readonly term: number;
  readonly writer: string;
  readonly maxLineBytes: number;
  readonly maxLogBytes: number;
  readonly cancelGraceMs: number;
  readonly retentionMs: number;
  /**
   * The guard period in milliseconds: how long an executor stays after its final batch, to send it again if Redis
   * loses it. 0 with a Redis that loses nothing it has acknowledged (PROTOCOL.md, W4d).
   */
  readonly lingerMs: number;
  /** The counts of its log (wire/logIndex/indexState.ts); '' in runs of older versions. */
  readonly logIndex: string;
  /** Increases with every change that is published on run_updates. */
  readonly version: number;
}

/** Members that can be large. Lists do not read them; a request that asks for them is charged for their bytes (LIMITS.requestDetailBytes). */
export const RUN_DETAILS = ['command', 'input', 'labels', 'output', 'progress', 'failure'] as const;
export type RunDetail = (typeof RUN_DETAILS)[number];
export type RunDetails = Pick<RunRecord, RunDetail>;

/** What the API does not show as a field of Run, or shows in another form. */
type Internal =
  | 'env'
  | 'backoffSeconds'
  | 'cancelReason'
  | 'cancelForce'
  | 'nextAttempt'
  | 'engine'
  | 'beat'
  | 'term'
  | 'writer'
  | 'maxLineBytes'
  | 'maxLogBytes'
  | 'cancelGraceMs'
  | 'retentionMs'
  | 'lingerMs'
  | 'logIndex';

/** A run as lists have it: its small members. */
export type RunSummary = Omit<RunRecord, RunDetail | Internal>;

/**
 * Whether another attempt follows this one: if it FAILED, but not with COMMAND_NOT_STARTED, no cancel was requested, and
 * `maxAttempts` is not reached.
 */
export const retryFollows = (
  run: { readonly maxAttempts: number; readonly cancelRequestedAt: EpochMs | null },
  attempt: number,
  end: AttemptEnd,
): boolean =>
  end.status === 'FAILED' &&
  end.failure?.reason !== 'COMMAND_NOT_STARTED' &&
  run.cancelRequestedAt === null &&
  attempt < run.maxAttempts;

/** Milliseconds to wait after this attempt: backoffSeconds, doubled for each later attempt, at most one hour. */
export const backoffMs = (backoffSeconds: number, attempt: number): number =>
  Math.min(backoffSeconds * 2 ** (attempt - 1), 3600) * 1000;

/** The text of RunFinished.message. */
export const finishedMessage = (end: AttemptEnd): string => {
  switch (end.status) {
    case 'COMPLETED':
      return 'Run COMPLETED';
    case 'FAILED':
      return `Run FAILED: ${end.failure?.message ?? 'for an unknown reason'}`;
    case 'CANCELLED':
      return `Run CANCELLED: ${end.cancelReason ?? 'cancelled on request'}`;
  }
};
