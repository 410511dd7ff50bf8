/** An event as JSON for log.ndjson: all fields of its GraphQL type under their names, with __typename. */
import type { Annotation, LogLineDraft, RunEvent } from '../../../domain/events.ts';
import type { RunId } from '../../../domain/ids.ts';
import type { Failure } from '../../../domain/run.ts';
import { toDateTime } from '../../../graphql/schema/base/dateTimeScalar.ts';

const failureJson = (failure: Failure | null) =>
  failure === null ? null : { reason: failure.reason, message: failure.message, signal: failure.signal ?? null };

const annotationJson = ({ kind, title, file, line, endLine, column, endColumn }: Annotation) => ({
  kind,
  title: title ?? null,
  file: file ?? null,
  line: line ?? null,
  endLine: endLine ?? null,
  column: column ?? null,
  endColumn: endColumn ?? null,
});

const lineJson = ({
  level,
  stream,
  message,
  logger,
  fields,
  exception,
  truncated,
  line,
  annotation,
}: LogLineDraft) => ({
  level,
  stream,
  message,
  logger: logger ?? null,
  fields: fields ?? null,
  exception: exception
    ? { type: exception.type ?? null, message: exception.message ?? null, stack: exception.stack ?? null }
    : null,
  truncated: truncated ?? false,
  line: line ?? null,
  annotation: annotation ? annotationJson(annotation) : null,
});

/** The fields of the event's own type. */
const ownFields = (event: RunEvent): Readonly<Record<string, unknown>> => {
  switch (event.kind) {
    case 'LogLine':
      return lineJson(event);
    case 'StatusChanged':
      return { status: event.status, previous: event.previous, detail: event.detail };
    case 'ProgressUpdated':
      return { label: event.label, current: event.current, total: event.total, unit: event.unit };
    case 'GroupStarted':
      return { name: event.name };
    case 'GroupEnded':
      return {
        name: event.name,
        startSeq: event.startSeq ?? 0,
        durationMs: event.durationMs ?? 0,
        implicit: event.implicit ?? false,
      };
    case 'OutputProduced':
      return { value: event.value };
    case 'CustomEvent':
      return { name: event.name, data: event.data };
    case 'ContainerEvent':
      return { kind: event.containerEvent, detail: event.detail };
    case 'LinesDropped':
      return {
        fromSeq: event.fromSeq,
        count: event.count,
        droppedBytes: event.droppedBytes,
        droppedLines: event.droppedLines,
        reason: event.reason,
      };
    case 'AttemptFinished':
      return {
        exitCode: event.exitCode,
        failure: failureJson(event.failure),
        digest: event.digest,
        retryAt: event.retryAt === null ? null : toDateTime(event.retryAt),
      };
    case 'RunFinished':
      return {
        status: event.status,
        exitCode: event.exitCode,
        failure: failureJson(event.failure),
        message: event.message,
        lines: event.lines,
        bytes: event.bytes,
        dropped: event.dropped,
        digest: event.digest,
      };
  }
};

export const eventJson = (runId: RunId, event: RunEvent): Readonly<Record<string, unknown>> => ({
  __typename: event.kind,
  seq: event.seq,
  runId,
  attempt: event.attempt,
  timestamp: toDateTime(event.timestamp),
  ...ownFields(event),
});
