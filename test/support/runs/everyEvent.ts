/** One event of every stored type, with all members set. */
import type { EventDraft } from '../../../src/domain/events.ts';

const timestamp = 1_700_000_000_123;
const failure = { reason: 'SIGNALLED', message: 'A signal ended it.', signal: 'SIGSEGV' } as const;

export const EVERY_EVENT: readonly EventDraft[] = [
  { kind: 'LogLine', timestamp, level: 'INFO', stream: 'STDOUT', message: 'plain ü \u001b[1mx' },
  { kind: 'LogLine', timestamp, level: 'WARNING', stream: 'STDERR', message: 'cut', truncated: true },
  {
    kind: 'LogLine',
    timestamp,
    level: 'ERROR',
    stream: 'LOGGER',
    message: 'record',
    logger: 'db',
    fields: { a: [1, { b: null }], __proto: 'x' },
    exception: { type: 'TypeError', message: 'm', stack: 'a\nb' },
  },
  { kind: 'LogLine', timestamp, level: 'DEBUG', stream: 'SYSTEM', message: 'of the executor' },
  { kind: 'StatusChanged', timestamp, status: 'RUNNING', previous: 'STARTING', detail: 'd' },
  { kind: 'ProgressUpdated', timestamp, label: 'copy', current: 1.5, total: 10, unit: 'files' },
  { kind: 'ProgressUpdated', timestamp, label: null, current: 2, total: null, unit: null },
  { kind: 'GroupStarted', timestamp, name: 'g' },
  { kind: 'GroupEnded', timestamp, name: 'g' },
  { kind: 'GroupEnded', timestamp, name: 'h', startSeq: 3, durationMs: 12, implicit: true },
  {
    kind: 'LogLine',
    timestamp,
    level: 'ERROR',
    stream: 'STDERR',
    message: 'annotated',
    fields: { file: 'a.js', line: '3' },
    annotation: { kind: 'ERROR', file: 'a.js', line: 3 },
  },
  { kind: 'OutputProduced', timestamp, value: { answer: 42 } },
  { kind: 'OutputProduced', timestamp, value: null },
  { kind: 'CustomEvent', timestamp, name: 'checkpoint', data: { step: [1, null] } },
  { kind: 'CustomEvent', timestamp, name: 'empty', data: null },
  { kind: 'ContainerEvent', timestamp, containerEvent: 'OUT_OF_MEMORY', detail: null },
  { kind: 'AttemptFinished', timestamp, exitCode: null, failure, digest: null, retryAt: timestamp + 1 },
  {
    kind: 'RunFinished',
    timestamp,
    status: 'FAILED',
    exitCode: null,
    failure,
    message: 'Run FAILED: A signal ended it.',
    lines: 4,
    bytes: 30,
    dropped: 0,
    digest: 'ab',
  },
];

/** A selection of every field of every event without aliases, so that shapes can be compared. */
export const EVERY_FIELD = `__typename
  ... on RunEvent { seq runId attempt timestamp }
  ... on LogLine { level stream message logger fields exception { type message stack } truncated line
    annotation { kind title file line endLine column endColumn } }
  ... on StatusChanged { status previous detail }
  ... on ProgressUpdated { label current total unit }
  ... on GroupStarted { name }
  ... on GroupEnded { name startSeq durationMs implicit }
  ... on OutputProduced { value }
  ... on CustomEvent { name data }
  ... on ContainerEvent { kind detail }
  ... on LinesDropped { fromSeq count droppedBytes droppedLines reason }
  ... on AttemptFinished { exitCode failure { reason message signal } digest retryAt }
  ... on RunFinished { status exitCode failure { reason message signal } message lines bytes dropped digest }`;
