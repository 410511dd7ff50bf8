/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** Why events are not there. This enum may grow. */
export type DropReason =
  /** The log went over its budget and lost its middle; who followed live got it all. */
  | 'LOG_LIMIT'
  /** The store lost them, and nobody who could write them again was left. */
  | 'STORE_LOST';

/** One environment variable of the command. */
export type EnvVarInput = {
  /** Letters, digits and _, no digit first. RUN_ID, RUN_ATTEMPT and RUN_INPUT are set by the service. */
  readonly name: string;
  /** A secret's value is never returned by the API and is masked wherever the log shows it. */
  readonly secret?: boolean | null | undefined;
  /** Any text without NUL. */
  readonly value: string;
};

/** Why a run FAILED, as data, the same on every launcher. This enum may grow. */
export type FailureReason =
  /** The command could not be started (not found, not executable). */
  | 'COMMAND_NOT_STARTED'
  /** The executor went away without a last word (killed, host lost, evicted). */
  | 'EXECUTOR_LOST'
  /** The image could not be had. */
  | 'IMAGE_UNAVAILABLE'
  /** The engine refused or failed to start the container. */
  | 'LAUNCH_FAILED'
  /** The command exited with a non-zero code. */
  | 'NONZERO_EXIT'
  /** The kernel killed the command or the container for memory. */
  | 'OUT_OF_MEMORY'
  /** A signal that nobody here sent ended the command. */
  | 'SIGNALLED'
  /** timeoutSeconds passed. */
  | 'TIMEOUT';

/** A name and a value, to find runs by. */
export type LabelInput = {
  /** Not empty, and once per run. */
  readonly name: string;
  /** Any text, or an empty one. */
  readonly value: string;
};

/**
 * Which events are wanted; all that is given must match, and an empty list asks for nothing special.
 * LinesDropped always passes.
 */
export type LogFilter = {
  /** Events of this attempt, from 1. */
  readonly attempt?: number | null | undefined;
  /** Case-insensitive substring of message. Applies to LogLine alone. */
  readonly contains?: string | null | undefined;
  /** This level and above. Applies to LogLine alone. */
  readonly minLevel?: LogLevel | null | undefined;
  /** Any of these. Applies to LogLine alone. */
  readonly streams?: ReadonlyArray<LogStream> | null | undefined;
  /** Names of event types, such as LogLine. An unknown one is BAD_USER_INPUT. */
  readonly types?: ReadonlyArray<string> | null | undefined;
};

/** Severity, in rising order. */
export type LogLevel =
  /** The command cannot go on, or hardly. */
  | 'CRITICAL'
  /** For whoever looks for a fault. */
  | 'DEBUG'
  /** Something failed. */
  | 'ERROR'
  /** What normally happens; the level of every plain line, on both streams. */
  | 'INFO'
  /** The finest detail. */
  | 'TRACE'
  /** Worth a look, the command goes on. */
  | 'WARNING';

/** Where a line came from. */
export type LogStream =
  /** A structured record or a workflow command of a level, from either of the two. */
  | 'LOGGER'
  /** A plain line of the command's standard error, which is not by itself an error. */
  | 'STDERR'
  /** A plain line of the command's standard output. */
  | 'STDOUT'
  /** The executor itself. Not in log.txt and not in the digest. */
  | 'SYSTEM';

/** What the run may use at most. */
export type ResourcesInput = {
  /** CPU cores, such as 0.5. */
  readonly cpus?: number | null | undefined;
  /** Memory in units of 1024 x 1024 bytes; 64 at least, which the executor needs. */
  readonly memoryMb?: number | null | undefined;
};

/** Whether an attempt that FAILED is followed by another. */
export type RetryInput = {
  /** Seconds before the second attempt; doubles for each later one. */
  readonly backoffSeconds?: number | null | undefined;
  /** Attempts in all, 1 to 10. */
  readonly maxAttempts: number;
};

/** What happened to a run in a list. */
export type RunChangeKind =
  /** There is a new run, and it matches. */
  | 'CREATED'
  /** It was removed, with its log. run is null. */
  | 'DELETED'
  /** It no longer matches the filter. */
  | 'LEFT'
  /**
   * The subscription is in place: what changes from here on is told. runId and run are null. It comes
   * again where changes may have been missed: read the list anew then.
   */
  | 'SYNCED'
  /** A run that matches has changed, or has come to match. */
  | 'UPDATED';

/** Which runs are wanted; all that is given must match. */
export type RunFilter = {
  /** All of them must match. */
  readonly labels?: ReadonlyArray<LabelInput> | null | undefined;
  /** Any of these; an empty list means every status. */
  readonly status?: ReadonlyArray<RunStatus> | null | undefined;
};

/** Where a run is in its life; this enum will not grow. Terminal: COMPLETED, FAILED, CANCELLED. */
export type RunStatus =
  /** It was cancelled before it ended by itself. */
  | 'CANCELLED'
  /** The command exited 0. */
  | 'COMPLETED'
  /** It ended any other way; Run.failure says how. */
  | 'FAILED'
  /** Accepted and queued, or waiting between two attempts. */
  | 'PENDING'
  /** The executor has reported in and the command runs. */
  | 'RUNNING'
  /** An executor container is being created. */
  | 'STARTING';

/** What to run, and how. */
export type StartRunInput = {
  /** Program and arguments; no shell is put around it. */
  readonly command: ReadonlyArray<string>;
  /** Environment of the command, over that of the image. */
  readonly env?: ReadonlyArray<EnvVarInput> | null | undefined;
  /**
   * A second startRun with the same key and the same input returns the first run; with another input it is
   * a CONFLICT.
   */
  readonly idempotencyKey?: string | null | undefined;
  /** Defaults to the service's executor image. */
  readonly image?: string | null | undefined;
  /** Given to the command as JSON in RUN_INPUT; 96 KiB at most. */
  readonly input?: unknown;
  /** To find the run by; see RunFilter. */
  readonly labels?: ReadonlyArray<LabelInput> | null | undefined;
  /** For people. */
  readonly name?: string | null | undefined;
  /** Bounds of the container. */
  readonly resources?: ResourcesInput | null | undefined;
  /** Default: one attempt. */
  readonly retry?: RetryInput | null | undefined;
  /** How long each attempt may take. Default: as long as it likes. */
  readonly timeoutSeconds?: number | null | undefined;
};

export type FollowLogSubscriptionVariables = Exact<{
  runId: string | number;
  after?: number | null | undefined;
  tail?: number | null | undefined;
  filter?: LogFilter | null | undefined;
}>;


export type FollowLogSubscription = { readonly runLogBatches: { readonly lastSeq: number, readonly caughtUp: boolean, readonly events: ReadonlyArray<
      | { readonly __typename: 'AttemptFinished', readonly exitCode: number | null, readonly digest: string | null, readonly retryAt: string | null, readonly seq: number, readonly attempt: number, readonly timestamp: string, readonly failure: { readonly reason: FailureReason, readonly message: string, readonly signal: string | null } | null }
      | { readonly __typename: 'ContainerEvent', readonly seq: number, readonly attempt: number, readonly timestamp: string, readonly containerEvent: string, readonly containerDetail: string | null }
      | { readonly __typename: 'GroupEnded', readonly name: string, readonly seq: number, readonly attempt: number, readonly timestamp: string }
      | { readonly __typename: 'GroupStarted', readonly name: string, readonly seq: number, readonly attempt: number, readonly timestamp: string }
      | { readonly __typename: 'LinesDropped', readonly fromSeq: number, readonly count: number, readonly reason: DropReason, readonly seq: number, readonly attempt: number, readonly timestamp: string, readonly droppedBytes: number | null }
      | { readonly __typename: 'LogLine', readonly level: LogLevel, readonly stream: LogStream, readonly message: string, readonly logger: string | null, readonly fields: unknown, readonly truncated: boolean, readonly seq: number, readonly attempt: number, readonly timestamp: string, readonly exception: { readonly type: string | null, readonly message: string | null, readonly stack: string | null } | null }
      | { readonly __typename: 'OutputProduced', readonly value: unknown, readonly seq: number, readonly attempt: number, readonly timestamp: string }
      | { readonly __typename: 'ProgressUpdated', readonly label: string | null, readonly current: number, readonly total: number | null, readonly unit: string | null, readonly seq: number, readonly attempt: number, readonly timestamp: string }
      | { readonly __typename: 'RunFinished', readonly exitCode: number | null, readonly lines: number, readonly bytes: number, readonly dropped: number, readonly digest: string | null, readonly seq: number, readonly attempt: number, readonly timestamp: string, readonly finalStatus: RunStatus, readonly finalMessage: string, readonly failure: { readonly reason: FailureReason, readonly message: string, readonly signal: string | null } | null }
      | { readonly __typename: 'StatusChanged', readonly status: RunStatus, readonly previous: RunStatus | null, readonly detail: string | null, readonly seq: number, readonly attempt: number, readonly timestamp: string }
    > } };

export type LogPageQueryVariables = Exact<{
  runId: string | number;
  first?: number | null | undefined;
  after?: number | null | undefined;
  last?: number | null | undefined;
  before?: number | null | undefined;
  filter?: LogFilter | null | undefined;
}>;


export type LogPageQuery = { readonly run: { readonly id: string, readonly lastSeq: number, readonly logs: { readonly startSeq: number | null, readonly endSeq: number | null, readonly hasPrevious: boolean, readonly hasNext: boolean, readonly events: ReadonlyArray<
        | { readonly __typename: 'AttemptFinished', readonly exitCode: number | null, readonly digest: string | null, readonly retryAt: string | null, readonly seq: number, readonly attempt: number, readonly timestamp: string, readonly failure: { readonly reason: FailureReason, readonly message: string, readonly signal: string | null } | null }
        | { readonly __typename: 'ContainerEvent', readonly seq: number, readonly attempt: number, readonly timestamp: string, readonly containerEvent: string, readonly containerDetail: string | null }
        | { readonly __typename: 'GroupEnded', readonly name: string, readonly seq: number, readonly attempt: number, readonly timestamp: string }
        | { readonly __typename: 'GroupStarted', readonly name: string, readonly seq: number, readonly attempt: number, readonly timestamp: string }
        | { readonly __typename: 'LinesDropped', readonly fromSeq: number, readonly count: number, readonly reason: DropReason, readonly seq: number, readonly attempt: number, readonly timestamp: string, readonly droppedBytes: number | null }
        | { readonly __typename: 'LogLine', readonly level: LogLevel, readonly stream: LogStream, readonly message: string, readonly logger: string | null, readonly fields: unknown, readonly truncated: boolean, readonly seq: number, readonly attempt: number, readonly timestamp: string, readonly exception: { readonly type: string | null, readonly message: string | null, readonly stack: string | null } | null }
        | { readonly __typename: 'OutputProduced', readonly value: unknown, readonly seq: number, readonly attempt: number, readonly timestamp: string }
        | { readonly __typename: 'ProgressUpdated', readonly label: string | null, readonly current: number, readonly total: number | null, readonly unit: string | null, readonly seq: number, readonly attempt: number, readonly timestamp: string }
        | { readonly __typename: 'RunFinished', readonly exitCode: number | null, readonly lines: number, readonly bytes: number, readonly dropped: number, readonly digest: string | null, readonly seq: number, readonly attempt: number, readonly timestamp: string, readonly finalStatus: RunStatus, readonly finalMessage: string, readonly failure: { readonly reason: FailureReason, readonly message: string, readonly signal: string | null } | null }
        | { readonly __typename: 'StatusChanged', readonly status: RunStatus, readonly previous: RunStatus | null, readonly detail: string | null, readonly seq: number, readonly attempt: number, readonly timestamp: string }
      > } } | null };

type EventParts_AttemptFinished_Fragment = { readonly __typename: 'AttemptFinished', readonly exitCode: number | null, readonly digest: string | null, readonly retryAt: string | null, readonly seq: number, readonly attempt: number, readonly timestamp: string, readonly failure: { readonly reason: FailureReason, readonly message: string, readonly signal: string | null } | null };

type EventParts_ContainerEvent_Fragment = { readonly __typename: 'ContainerEvent', readonly seq: number, readonly attempt: number, readonly timestamp: string, readonly containerEvent: string, readonly containerDetail: string | null };

type EventParts_GroupEnded_Fragment = { readonly __typename: 'GroupEnded', readonly name: string, readonly seq: number, readonly attempt: number, readonly timestamp: string };

type EventParts_GroupStarted_Fragment = { readonly __typename: 'GroupStarted', readonly name: string, readonly seq: number, readonly attempt: number, readonly timestamp: string };

type EventParts_LinesDropped_Fragment = { readonly __typename: 'LinesDropped', readonly fromSeq: number, readonly count: number, readonly reason: DropReason, readonly seq: number, readonly attempt: number, readonly timestamp: string, readonly droppedBytes: number | null };

type EventParts_LogLine_Fragment = { readonly __typename: 'LogLine', readonly level: LogLevel, readonly stream: LogStream, readonly message: string, readonly logger: string | null, readonly fields: unknown, readonly truncated: boolean, readonly seq: number, readonly attempt: number, readonly timestamp: string, readonly exception: { readonly type: string | null, readonly message: string | null, readonly stack: string | null } | null };

type EventParts_OutputProduced_Fragment = { readonly __typename: 'OutputProduced', readonly value: unknown, readonly seq: number, readonly attempt: number, readonly timestamp: string };

type EventParts_ProgressUpdated_Fragment = { readonly __typename: 'ProgressUpdated', readonly label: string | null, readonly current: number, readonly total: number | null, readonly unit: string | null, readonly seq: number, readonly attempt: number, readonly timestamp: string };

type EventParts_RunFinished_Fragment = { readonly __typename: 'RunFinished', readonly exitCode: number | null, readonly lines: number, readonly bytes: number, readonly dropped: number, readonly digest: string | null, readonly seq: number, readonly attempt: number, readonly timestamp: string, readonly finalStatus: RunStatus, readonly finalMessage: string, readonly failure: { readonly reason: FailureReason, readonly message: string, readonly signal: string | null } | null };

type EventParts_StatusChanged_Fragment = { readonly __typename: 'StatusChanged', readonly status: RunStatus, readonly previous: RunStatus | null, readonly detail: string | null, readonly seq: number, readonly attempt: number, readonly timestamp: string };

export type EventPartsFragment =
  | EventParts_AttemptFinished_Fragment
  | EventParts_ContainerEvent_Fragment
  | EventParts_GroupEnded_Fragment
  | EventParts_GroupStarted_Fragment
  | EventParts_LinesDropped_Fragment
  | EventParts_LogLine_Fragment
  | EventParts_OutputProduced_Fragment
  | EventParts_ProgressUpdated_Fragment
  | EventParts_RunFinished_Fragment
  | EventParts_StatusChanged_Fragment
;

export type StartRunMutationVariables = Exact<{
  input: StartRunInput;
}>;


export type StartRunMutation = { readonly startRun: { readonly run: { readonly id: string, readonly name: string | null, readonly status: RunStatus, readonly image: string, readonly command: ReadonlyArray<string>, readonly attempt: number, readonly maxAttempts: number, readonly timeoutSeconds: number | null, readonly exitCode: number | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly durationMs: number | null, readonly cancelRequestedAt: string | null, readonly output: unknown, readonly lines: number, readonly bytes: number, readonly dropped: number, readonly digest: string | null, readonly lastSeq: number, readonly labels: ReadonlyArray<{ readonly name: string, readonly value: string }>, readonly failure: { readonly reason: FailureReason, readonly message: string, readonly signal: string | null } | null, readonly progress: { readonly label: string | null, readonly current: number, readonly total: number | null, readonly unit: string | null } | null } } };

export type CancelRunMutationVariables = Exact<{
  runId: string | number;
  reason?: string | null | undefined;
  force?: boolean | null | undefined;
}>;


export type CancelRunMutation = { readonly cancelRun: { readonly run: { readonly id: string, readonly name: string | null, readonly status: RunStatus, readonly image: string, readonly command: ReadonlyArray<string>, readonly attempt: number, readonly maxAttempts: number, readonly timeoutSeconds: number | null, readonly exitCode: number | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly durationMs: number | null, readonly cancelRequestedAt: string | null, readonly output: unknown, readonly lines: number, readonly bytes: number, readonly dropped: number, readonly digest: string | null, readonly lastSeq: number, readonly labels: ReadonlyArray<{ readonly name: string, readonly value: string }>, readonly failure: { readonly reason: FailureReason, readonly message: string, readonly signal: string | null } | null, readonly progress: { readonly label: string | null, readonly current: number, readonly total: number | null, readonly unit: string | null } | null } } };

export type RetryRunMutationVariables = Exact<{
  runId: string | number;
}>;


export type RetryRunMutation = { readonly retryRun: { readonly run: { readonly id: string, readonly name: string | null, readonly status: RunStatus, readonly image: string, readonly command: ReadonlyArray<string>, readonly attempt: number, readonly maxAttempts: number, readonly timeoutSeconds: number | null, readonly exitCode: number | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly durationMs: number | null, readonly cancelRequestedAt: string | null, readonly output: unknown, readonly lines: number, readonly bytes: number, readonly dropped: number, readonly digest: string | null, readonly lastSeq: number, readonly labels: ReadonlyArray<{ readonly name: string, readonly value: string }>, readonly failure: { readonly reason: FailureReason, readonly message: string, readonly signal: string | null } | null, readonly progress: { readonly label: string | null, readonly current: number, readonly total: number | null, readonly unit: string | null } | null } } };

export type DeleteRunMutationVariables = Exact<{
  runId: string | number;
}>;


export type DeleteRunMutation = { readonly deleteRun: { readonly deletedRunId: string } };

export type RunByIdQueryVariables = Exact<{
  runId: string | number;
}>;


export type RunByIdQuery = { readonly run: { readonly id: string, readonly name: string | null, readonly status: RunStatus, readonly image: string, readonly command: ReadonlyArray<string>, readonly attempt: number, readonly maxAttempts: number, readonly timeoutSeconds: number | null, readonly exitCode: number | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly durationMs: number | null, readonly cancelRequestedAt: string | null, readonly output: unknown, readonly lines: number, readonly bytes: number, readonly dropped: number, readonly digest: string | null, readonly lastSeq: number, readonly labels: ReadonlyArray<{ readonly name: string, readonly value: string }>, readonly failure: { readonly reason: FailureReason, readonly message: string, readonly signal: string | null } | null, readonly progress: { readonly label: string | null, readonly current: number, readonly total: number | null, readonly unit: string | null } | null } | null };

export type RunsQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  filter?: RunFilter | null | undefined;
}>;


export type RunsQuery = { readonly runs: { readonly edges: ReadonlyArray<{ readonly cursor: string, readonly node: { readonly id: string, readonly name: string | null, readonly status: RunStatus, readonly image: string, readonly command: ReadonlyArray<string>, readonly attempt: number, readonly maxAttempts: number, readonly timeoutSeconds: number | null, readonly exitCode: number | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly durationMs: number | null, readonly cancelRequestedAt: string | null, readonly output: unknown, readonly lines: number, readonly bytes: number, readonly dropped: number, readonly digest: string | null, readonly lastSeq: number, readonly labels: ReadonlyArray<{ readonly name: string, readonly value: string }>, readonly failure: { readonly reason: FailureReason, readonly message: string, readonly signal: string | null } | null, readonly progress: { readonly label: string | null, readonly current: number, readonly total: number | null, readonly unit: string | null } | null } }>, readonly pageInfo: { readonly hasNextPage: boolean, readonly endCursor: string | null } } };

export type FollowRunSubscriptionVariables = Exact<{
  runId: string | number;
}>;


export type FollowRunSubscription = { readonly runUpdated: { readonly id: string, readonly name: string | null, readonly status: RunStatus, readonly image: string, readonly command: ReadonlyArray<string>, readonly attempt: number, readonly maxAttempts: number, readonly timeoutSeconds: number | null, readonly exitCode: number | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly durationMs: number | null, readonly cancelRequestedAt: string | null, readonly output: unknown, readonly lines: number, readonly bytes: number, readonly dropped: number, readonly digest: string | null, readonly lastSeq: number, readonly labels: ReadonlyArray<{ readonly name: string, readonly value: string }>, readonly failure: { readonly reason: FailureReason, readonly message: string, readonly signal: string | null } | null, readonly progress: { readonly label: string | null, readonly current: number, readonly total: number | null, readonly unit: string | null } | null } };

export type FollowRunsSubscriptionVariables = Exact<{
  filter?: RunFilter | null | undefined;
}>;


export type FollowRunsSubscription = { readonly runsUpdated: { readonly kind: RunChangeKind, readonly runId: string | null, readonly run: { readonly id: string, readonly name: string | null, readonly status: RunStatus, readonly image: string, readonly command: ReadonlyArray<string>, readonly attempt: number, readonly maxAttempts: number, readonly timeoutSeconds: number | null, readonly exitCode: number | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly durationMs: number | null, readonly cancelRequestedAt: string | null, readonly output: unknown, readonly lines: number, readonly bytes: number, readonly dropped: number, readonly digest: string | null, readonly lastSeq: number, readonly labels: ReadonlyArray<{ readonly name: string, readonly value: string }>, readonly failure: { readonly reason: FailureReason, readonly message: string, readonly signal: string | null } | null, readonly progress: { readonly label: string | null, readonly current: number, readonly total: number | null, readonly unit: string | null } | null } | null } };

export type RunPartsFragment = { readonly id: string, readonly name: string | null, readonly status: RunStatus, readonly image: string, readonly command: ReadonlyArray<string>, readonly attempt: number, readonly maxAttempts: number, readonly timeoutSeconds: number | null, readonly exitCode: number | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly durationMs: number | null, readonly cancelRequestedAt: string | null, readonly output: unknown, readonly lines: number, readonly bytes: number, readonly dropped: number, readonly digest: string | null, readonly lastSeq: number, readonly labels: ReadonlyArray<{ readonly name: string, readonly value: string }>, readonly failure: { readonly reason: FailureReason, readonly message: string, readonly signal: string | null } | null, readonly progress: { readonly label: string | null, readonly current: number, readonly total: number | null, readonly unit: string | null } | null };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}
export const EventPartsFragmentDoc = new TypedDocumentString(`
    fragment EventParts on RunEvent {
  __typename
  seq
  attempt
  timestamp
  ... on LogLine {
    level
    stream
    message
    logger
    fields
    truncated
    exception {
      type
      message
      stack
    }
  }
  ... on StatusChanged {
    status
    previous
    detail
  }
  ... on ProgressUpdated {
    label
    current
    total
    unit
  }
  ... on GroupStarted {
    name
  }
  ... on GroupEnded {
    name
  }
  ... on OutputProduced {
    value
  }
  ... on ContainerEvent {
    containerEvent: kind
    containerDetail: detail
  }
  ... on LinesDropped {
    fromSeq
    count
    droppedBytes: bytes
    reason
  }
  ... on AttemptFinished {
    exitCode
    failure {
      reason
      message
      signal
    }
    digest
    retryAt
  }
  ... on RunFinished {
    finalStatus: status
    exitCode
    failure {
      reason
      message
      signal
    }
    finalMessage: message
    lines
    bytes
    dropped
    digest
  }
}
    `, {"fragmentName":"EventParts"}) as unknown as TypedDocumentString<EventPartsFragment, unknown>;
export const RunPartsFragmentDoc = new TypedDocumentString(`
    fragment RunParts on Run {
  id
  name
  status
  image
  command
  labels {
    name
    value
  }
  attempt
  maxAttempts
  timeoutSeconds
  exitCode
  failure {
    reason
    message
    signal
  }
  createdAt
  startedAt
  finishedAt
  durationMs
  cancelRequestedAt
  progress {
    label
    current
    total
    unit
  }
  output
  lines
  bytes
  dropped
  digest
  lastSeq
}
    `, {"fragmentName":"RunParts"}) as unknown as TypedDocumentString<RunPartsFragment, unknown>;
export const FollowLogDocument = new TypedDocumentString(`
    subscription FollowLog($runId: ID!, $after: Int, $tail: Int, $filter: LogFilter) {
  runLogBatches(runId: $runId, after: $after, tail: $tail, filter: $filter) {
    lastSeq
    caughtUp
    events {
      ...EventParts
    }
  }
}
    fragment EventParts on RunEvent {
  __typename
  seq
  attempt
  timestamp
  ... on LogLine {
    level
    stream
    message
    logger
    fields
    truncated
    exception {
      type
      message
      stack
    }
  }
  ... on StatusChanged {
    status
    previous
    detail
  }
  ... on ProgressUpdated {
    label
    current
    total
    unit
  }
  ... on GroupStarted {
    name
  }
  ... on GroupEnded {
    name
  }
  ... on OutputProduced {
    value
  }
  ... on ContainerEvent {
    containerEvent: kind
    containerDetail: detail
  }
  ... on LinesDropped {
    fromSeq
    count
    droppedBytes: bytes
    reason
  }
  ... on AttemptFinished {
    exitCode
    failure {
      reason
      message
      signal
    }
    digest
    retryAt
  }
  ... on RunFinished {
    finalStatus: status
    exitCode
    failure {
      reason
      message
      signal
    }
    finalMessage: message
    lines
    bytes
    dropped
    digest
  }
}`) as unknown as TypedDocumentString<FollowLogSubscription, FollowLogSubscriptionVariables>;
export const LogPageDocument = new TypedDocumentString(`
    query LogPage($runId: ID!, $first: Int, $after: Int, $last: Int, $before: Int, $filter: LogFilter) {
  run(id: $runId) {
    id
    lastSeq
    logs(
      first: $first
      after: $after
      last: $last
      before: $before
      filter: $filter
    ) {
      startSeq
      endSeq
      hasPrevious
      hasNext
      events {
        ...EventParts
      }
    }
  }
}
    fragment EventParts on RunEvent {
  __typename
  seq
  attempt
  timestamp
  ... on LogLine {
    level
    stream
    message
    logger
    fields
    truncated
    exception {
      type
      message
      stack
    }
  }
  ... on StatusChanged {
    status
    previous
    detail
  }
  ... on ProgressUpdated {
    label
    current
    total
    unit
  }
  ... on GroupStarted {
    name
  }
  ... on GroupEnded {
    name
  }
  ... on OutputProduced {
    value
  }
  ... on ContainerEvent {
    containerEvent: kind
    containerDetail: detail
  }
  ... on LinesDropped {
    fromSeq
    count
    droppedBytes: bytes
    reason
  }
  ... on AttemptFinished {
    exitCode
    failure {
      reason
      message
      signal
    }
    digest
    retryAt
  }
  ... on RunFinished {
    finalStatus: status
    exitCode
    failure {
      reason
      message
      signal
    }
    finalMessage: message
    lines
    bytes
    dropped
    digest
  }
}`) as unknown as TypedDocumentString<LogPageQuery, LogPageQueryVariables>;
export const StartRunDocument = new TypedDocumentString(`
    mutation StartRun($input: StartRunInput!) {
  startRun(input: $input) {
    run {
      ...RunParts
    }
  }
}
    fragment RunParts on Run {
  id
  name
  status
  image
  command
  labels {
    name
    value
  }
  attempt
  maxAttempts
  timeoutSeconds
  exitCode
  failure {
    reason
    message
    signal
  }
  createdAt
  startedAt
  finishedAt
  durationMs
  cancelRequestedAt
  progress {
    label
    current
    total
    unit
  }
  output
  lines
  bytes
  dropped
  digest
  lastSeq
}`) as unknown as TypedDocumentString<StartRunMutation, StartRunMutationVariables>;
export const CancelRunDocument = new TypedDocumentString(`
    mutation CancelRun($runId: ID!, $reason: String, $force: Boolean) {
  cancelRun(input: { runId: $runId, reason: $reason, force: $force }) {
    run {
      ...RunParts
    }
  }
}
    fragment RunParts on Run {
  id
  name
  status
  image
  command
  labels {
    name
    value
  }
  attempt
  maxAttempts
  timeoutSeconds
  exitCode
  failure {
    reason
    message
    signal
  }
  createdAt
  startedAt
  finishedAt
  durationMs
  cancelRequestedAt
  progress {
    label
    current
    total
    unit
  }
  output
  lines
  bytes
  dropped
  digest
  lastSeq
}`) as unknown as TypedDocumentString<CancelRunMutation, CancelRunMutationVariables>;
export const RetryRunDocument = new TypedDocumentString(`
    mutation RetryRun($runId: ID!) {
  retryRun(input: { runId: $runId }) {
    run {
      ...RunParts
    }
  }
}
    fragment RunParts on Run {
  id
  name
  status
  image
  command
  labels {
    name
    value
  }
  attempt
  maxAttempts
  timeoutSeconds
  exitCode
  failure {
    reason
    message
    signal
  }
  createdAt
  startedAt
  finishedAt
  durationMs
  cancelRequestedAt
  progress {
    label
    current
    total
    unit
  }
  output
  lines
  bytes
  dropped
  digest
  lastSeq
}`) as unknown as TypedDocumentString<RetryRunMutation, RetryRunMutationVariables>;
export const DeleteRunDocument = new TypedDocumentString(`
    mutation DeleteRun($runId: ID!) {
  deleteRun(input: { runId: $runId }) {
    deletedRunId
  }
}
    `) as unknown as TypedDocumentString<DeleteRunMutation, DeleteRunMutationVariables>;
export const RunByIdDocument = new TypedDocumentString(`
    query RunById($runId: ID!) {
  run(id: $runId) {
    ...RunParts
  }
}
    fragment RunParts on Run {
  id
  name
  status
  image
  command
  labels {
    name
    value
  }
  attempt
  maxAttempts
  timeoutSeconds
  exitCode
  failure {
    reason
    message
    signal
  }
  createdAt
  startedAt
  finishedAt
  durationMs
  cancelRequestedAt
  progress {
    label
    current
    total
    unit
  }
  output
  lines
  bytes
  dropped
  digest
  lastSeq
}`) as unknown as TypedDocumentString<RunByIdQuery, RunByIdQueryVariables>;
export const RunsDocument = new TypedDocumentString(`
    query Runs($first: Int, $after: String, $filter: RunFilter) {
  runs(first: $first, after: $after, filter: $filter) {
    edges {
      cursor
      node {
        ...RunParts
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment RunParts on Run {
  id
  name
  status
  image
  command
  labels {
    name
    value
  }
  attempt
  maxAttempts
  timeoutSeconds
  exitCode
  failure {
    reason
    message
    signal
  }
  createdAt
  startedAt
  finishedAt
  durationMs
  cancelRequestedAt
  progress {
    label
    current
    total
    unit
  }
  output
  lines
  bytes
  dropped
  digest
  lastSeq
}`) as unknown as TypedDocumentString<RunsQuery, RunsQueryVariables>;
export const FollowRunDocument = new TypedDocumentString(`
    subscription FollowRun($runId: ID!) {
  runUpdated(runId: $runId) {
    ...RunParts
  }
}
    fragment RunParts on Run {
  id
  name
  status
  image
  command
  labels {
    name
    value
  }
  attempt
  maxAttempts
  timeoutSeconds
  exitCode
  failure {
    reason
    message
    signal
  }
  createdAt
  startedAt
  finishedAt
  durationMs
  cancelRequestedAt
  progress {
    label
    current
    total
    unit
  }
  output
  lines
  bytes
  dropped
  digest
  lastSeq
}`) as unknown as TypedDocumentString<FollowRunSubscription, FollowRunSubscriptionVariables>;
export const FollowRunsDocument = new TypedDocumentString(`
    subscription FollowRuns($filter: RunFilter) {
  runsUpdated(filter: $filter) {
    kind
    runId
    run {
      ...RunParts
    }
  }
}
    fragment RunParts on Run {
  id
  name
  status
  image
  command
  labels {
    name
    value
  }
  attempt
  maxAttempts
  timeoutSeconds
  exitCode
  failure {
    reason
    message
    signal
  }
  createdAt
  startedAt
  finishedAt
  durationMs
  cancelRequestedAt
  progress {
    label
    current
    total
    unit
  }
  output
  lines
  bytes
  dropped
  digest
  lastSeq
}`) as unknown as TypedDocumentString<FollowRunsSubscription, FollowRunsSubscriptionVariables>;