/**
 * The events of a run. They form ONE sequence: `seq` starts at 1, increases by exactly 1 and never repeats, across
 * attempts too (PROTOCOL.md, E1). The shapes are those of schema/schema.graphql without `runId`, and with instants as
 * milliseconds since the Unix epoch.
 */
import type { Failure, RunStatus } from './run.ts';

/** Position in the run's sequence, from 1 to 2^31 - 1. An `after` can also be 0: from the beginning. */
export type Seq = number;
/** An instant in milliseconds since the Unix epoch. */
export type EpochMs = number;

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [member: string]: JsonValue };
export type JsonObject = { readonly [member: string]: JsonValue };

/** Severity, in rising order. */
export const LOG_LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Where a line came from. LOGGER: a structured record. SYSTEM: runloom itself. */
export const LOG_STREAMS = ['STDOUT', 'STDERR', 'LOGGER', 'SYSTEM'] as const;
export type LogStream = (typeof LOG_STREAMS)[number];

export const DROP_REASONS = ['LOG_LIMIT', 'STORE_LOST'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

export interface LogException {
  readonly type: string | null;
  readonly message: string | null;
  readonly stack: string | null;
}

export const ANNOTATION_KINDS = ['DEBUG', 'NOTICE', 'WARNING', 'ERROR'] as const;
/** What a workflow command such as `::error file=a.js,line=3,title=Lint::text` says about a place in a file. */
export interface Annotation {
  readonly kind: (typeof ANNOTATION_KINDS)[number];
  readonly title?: string;
  readonly file?: string;
  readonly line?: number;
  readonly endLine?: number;
  readonly column?: number;
  readonly endColumn?: number;
}

interface Draft<Kind extends string> {
  readonly kind: Kind;
  /** When it happened, by the clock of the writer. */
  readonly timestamp: EpochMs;
}

export interface LogLineDraft extends Draft<'LogLine'> {
  readonly level: LogLevel;
  readonly stream: LogStream;
  /** The text without its line break. Always valid Unicode; ANSI sequences are kept. */
  readonly message: string;
  readonly logger?: string | null;
  readonly fields?: JsonObject | null;
  readonly exception?: LogException | null;
  /** True if the text was cut at MAX_LINE_BYTES. */
  readonly truncated?: boolean;
  readonly annotation?: Annotation | null;
  /** Its number in log.txt, from 1. Its batch gives it. Missing for SYSTEM, and in logs of older versions. */
  readonly line?: number;
}
export interface StatusChangedDraft extends Draft<'StatusChanged'> {
  readonly status: RunStatus;
  readonly previous: RunStatus | null;
  readonly detail: string | null;
}
export interface ProgressUpdatedDraft extends Draft<'ProgressUpdated'> {
  readonly label: string | null;
  readonly current: number;
  readonly total: number | null;
  readonly unit: string | null;
}
export interface GroupStartedDraft extends Draft<'GroupStarted'> {
  readonly name: string;
}
export interface GroupEndedDraft extends Draft<'GroupEnded'> {
  readonly name: string;
  /** seq of its GroupStarted. This and `durationMs` are missing in logs of older versions. */
  readonly startSeq?: Seq;
  readonly durationMs?: number;
  /** Not closed by the command, but by the end of its attempt, or because too many groups are open. */
  readonly implicit?: boolean;
}
export interface OutputProducedDraft extends Draft<'OutputProduced'> {
  readonly value: JsonValue;
}
/** Reported by the command in its own terms, or by a later version of the service. */
export interface CustomEventDraft extends Draft<'CustomEvent'> {
  readonly name: string;
  readonly data: JsonValue;
}
export interface ContainerEventDraft extends Draft<'ContainerEvent'> {
  /** Such as IMAGE_PULLING, CREATED, STARTED, OUT_OF_MEMORY, EXITED, REMOVED. */
  readonly containerEvent: string;
  readonly detail: string | null;
}
export interface AttemptFinishedDraft extends Draft<'AttemptFinished'> {
  readonly exitCode: number | null;
  readonly failure: Failure | null;
  readonly digest: string | null;
  readonly retryAt: EpochMs | null;
}
export interface RunFinishedDraft extends Draft<'RunFinished'> {
  readonly status: RunStatus;
  readonly exitCode: number | null;
  readonly failure: Failure | null;
  readonly message: string;
  readonly lines: number;
  readonly bytes: number;
  readonly dropped: number;
  readonly digest: string | null;
}

/**
 * Missing events. If they had seqs, readers make this event: it stands for all seqs from fromSeq to its own. If they
 * never had seqs (LIMITS.runEvents), it is stored, and fromSeq is its own seq.
 */
export interface LinesDroppedDraft extends Draft<'LinesDropped'> {
  readonly fromSeq: Seq;
  readonly count: number;
  /** UTF-8 bytes of the messages of its lines; null if they were not counted. */
  readonly droppedBytes: number | null;
  /** LogLine events among them; null if they were not counted. */
  readonly droppedLines: number | null;
  readonly reason: DropReason;
}

/** An event before its writer gives it a seq. */
export type EventDraft =
  | LogLineDraft
  | StatusChangedDraft
  | ProgressUpdatedDraft
  | GroupStartedDraft
  | GroupEndedDraft
  | OutputProducedDraft
  | CustomEventDraft
  | ContainerEventDraft
  | LinesDroppedDraft
  | AttemptFinishedDraft
  | RunFinishedDraft;

interface Placed {
  readonly seq: Seq;
  readonly attempt: number;
}
export type LinesDropped = LinesDroppedDraft & Placed;

export type RunEvent = EventDraft & Placed;
export type EventKind = RunEvent['kind'];

/** Closed within a major version: additions come as fields of these types, or as CustomEvent. */
export const EVENT_KINDS = [
  'LogLine',
  'StatusChanged',
  'ProgressUpdated',
  'GroupStarted',
  'GroupEnded',
  'OutputProduced',
  'CustomEvent',
  'ContainerEvent',
  'LinesDropped',
  'AttemptFinished',
  'RunFinished',
] as const satisfies readonly EventKind[];

/** First seq that the event stands for: its own, or fromSeq of a LinesDropped. */
export const firstSeqOf = (event: RunEvent): Seq => (event.kind === 'LinesDropped' ? event.fromSeq : event.seq);

/** Whether it is a line of the command itself: these are what the digest and log.txt cover. */
export const isCommandLine = (event: { readonly kind: string; readonly stream?: LogStream }): boolean =>
  event.kind === 'LogLine' && event.stream !== 'SYSTEM';
