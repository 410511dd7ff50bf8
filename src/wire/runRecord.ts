/**
 * The run's record as a Redis hash: one field for each member, objects as JSON, null as ''. An attempt can write every field
 * of its own record. So what the service decides is read from another hash (record/fixedFields.ts), the run's id comes from
 * the key, and a value of the wrong form is read as if it were missing.
 */
import { DEFAULT_TENANT } from '../domain/caller.ts';
import type { JsonValue } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import {
  type Label,
  RUN_STATUSES,
  type RunDetail,
  type RunDetails,
  type RunRecord,
  type RunSummary,
} from '../domain/run.ts';
import { parseExactJson } from '../domain/text/exactJson.ts';
import { marksOf } from './labelMarks.ts';
import {
  count,
  digest,
  type Fields,
  failure,
  int,
  isList,
  isObject,
  isText,
  json,
  ordinal,
  parsed,
  progress,
  text,
  time,
} from './record/fieldValues.ts';

export type RecordChanges = Partial<
  Omit<RunRecord, 'id' | 'term' | 'writer' | 'lastSeq' | 'closed' | 'version' | 'logIndex' | 'beat'>
>;

/** Members that are stored as JSON; the others are texts, numbers or booleans. */
const JSON_FIELDS: ReadonlySet<string> = new Set([
  'command',
  'input',
  'env',
  'labels',
  'resources',
  'failure',
  'progress',
  'output',
]);

/** Fields and values alternating, for HSET and the scripts. `undefined` members are left out. */
export const recordFields = (changes: Partial<RunRecord>): string[] => {
  const fields: string[] = [];
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) continue;
    fields.push(name, fieldValue(name, value));
  }
  return fields;
};

const fieldValue = (name: string, value: unknown): string => {
  if (JSON_FIELDS.has(name)) return JSON.stringify(value);
  if (value === null) return '';
  if (typeof value === 'boolean') return value ? '1' : '';
  return String(value);
};

/** A value from a client or a command: its numbers keep their text. */
const givenJson = (fields: Fields, name: string): JsonValue | undefined =>
  parsed(parseExactJson, fields[name]) as JsonValue | undefined;

const isLabel = (value: unknown): boolean => isObject(value) && isText(value.name) && isText(value.value);
const isAmount = (value: unknown): boolean => value === null || Number.isFinite(value);
const isResources = (value: unknown): boolean =>
  isObject(value) && isAmount(value.cpus) && (value.memoryMb === null || Number.isInteger(value.memoryMb));

/** The status, or null where there is none or an unknown one. */
export const parseStatus = (value: string | null | undefined): RunRecord['status'] | null =>
  RUN_STATUSES.find((status) => status === value) ?? null;

/** The record from HGETALL's reply; null if there is no such run, or if its status is unknown. */
export const parseRecord = (fields: Fields, id: RunId): RunRecord | null => {
  const small = smallMembers(fields, id);
  if (small === null) return null;
  return {
    ...small,
    ...details(fields),
    env: json(fields, 'env', [], (value) => isList(value, isObject)),
    backoffSeconds: time(fields, 'backoffSeconds') ?? 1,
    cancelReason: text(fields, 'cancelReason'),
    cancelForce: fields.cancelForce === '1',
    nextAttempt: ordinal(fields, 'nextAttempt'),
    engine: text(fields, 'engine'),
    beat: time(fields, 'beat'),
    term: count(fields, 'term'),
    writer: fields.writer ?? '',
    maxLineBytes: count(fields, 'maxLineBytes'),
    maxLogBytes: count(fields, 'maxLogBytes'),
    cancelGraceMs: count(fields, 'cancelGraceMs'),
    retentionMs: count(fields, 'retentionMs'),
    lingerMs: count(fields, 'lingerMs'),
    logIndex: fields.logIndex ?? '',
  };
};

const smallMembers = (fields: Fields, id: RunId): RunSummary | null => {
  const status = parseStatus(fields.status || 'PENDING');
  return fields.lastSeq && status !== null ? { ...membersOf(fields), id, status } : null;
};

const membersOf = (fields: Fields): Omit<RunSummary, 'id' | 'status'> => ({
  // Runs of a service without tenants have none.
  tenant: text(fields, 'tenant') ?? DEFAULT_TENANT,
  createdBy: text(fields, 'createdBy'),
  name: text(fields, 'name'),
  image: fields.image ?? '',
  timeoutSeconds: int(fields, 'timeoutSeconds'),
  resources: json(fields, 'resources', { cpus: null, memoryMb: null }, isResources),
  maxAttempts: ordinal(fields, 'maxAttempts'),
  attempt: ordinal(fields, 'attempt'),
  exitCode: int(fields, 'exitCode'),
  createdAt: count(fields, 'createdAt'),
  startedAt: time(fields, 'startedAt'),
  finishedAt: time(fields, 'finishedAt'),
  cancelRequestedAt: time(fields, 'cancelRequestedAt'),
  retryOf: text(fields, 'retryOf') as RunId | null,
  retryAt: time(fields, 'retryAt'),
  lines: count(fields, 'lines'),
  bytes: count(fields, 'bytes'),
  dropped: count(fields, 'dropped'),
  digest: digest(fields),
  lastSeq: count(fields, 'lastSeq'),
  closed: fields.closed === '1',
  version: count(fields, 'version'),
});

const details = (fields: Fields): RunDetails => ({
  command: json<string[]>(fields, 'command', [], (value) => isList(value, isText)),
  input: givenJson(fields, 'input'),
  labels: json<Label[]>(fields, 'labels', [], (value) => isList(value, isLabel)),
  output: givenJson(fields, 'output'),
  progress: progress(fields),
  failure: failure(fields),
});

/** A field of the hash that is not in RunRecord: marksOf(labels). Runs made by an older service do not have it. */
export const LABEL_MARKS = 'labelMarks';

const SUMMARY: Readonly<Record<Exclude<keyof RunSummary, 'id'>, true>> = {
  tenant: true,
  createdBy: true,
  name: true,
  image: true,
  timeoutSeconds: true,
  resources: true,
  maxAttempts: true,
  status: true,
  attempt: true,
  exitCode: true,
  createdAt: true,
  startedAt: true,
  finishedAt: true,
  cancelRequestedAt: true,
  retryOf: true,
  retryAt: true,
  lines: true,
  bytes: true,
  dropped: true,
  digest: true,
  lastSeq: true,
  closed: true,
  version: true,
};
/** The fields of a summary, in the order in which parseSummary takes their values. */
export const SUMMARY_FIELDS: readonly string[] = Object.keys(SUMMARY);

/** The summary from HMGET's reply; null if there is no such run, or if its status is unknown. */
export const parseSummary = (values: readonly (string | null)[], id: RunId): RunSummary | null => {
  const fields: Record<string, string> = {};
  for (const [i, name] of SUMMARY_FIELDS.entries()) fields[name] = values[i] ?? '';
  return smallMembers(fields, id);
};

/** The marks of a run's labels, from the field `labels`. */
export const parseMarks = (labels: string | null): string => marksOf(parseDetail('labels', labels));

/** One detail from its field, or its default. */
export const parseDetail = <Name extends RunDetail>(name: Name, value: string | null): RunDetails[Name] =>
  details(value === null ? {} : { [name]: value })[name];

/** An object from alternating fields and values, as HGETALL returns them in Lua. */
export const pairsToFields = (pairs: readonly unknown[]): Fields => {
  const fields: Record<string, string> = {};
  for (let i = 0; i + 1 < pairs.length; i += 2) fields[String(pairs[i])] = String(pairs[i + 1]);
  return fields;
};

/** The members that the log's writers change: they must be stored again together with their last batch. */
export const stateOf = (run: RunRecord): RecordChanges => ({
  status: run.status,
  attempt: run.attempt,
  nextAttempt: run.nextAttempt,
  engine: run.engine,
  startedAt: run.startedAt,
  exitCode: run.exitCode,
  failure: run.failure,
  digest: run.digest,
  retryAt: run.retryAt,
  progress: run.progress,
  ...(run.output === undefined ? {} : { output: run.output }),
});
