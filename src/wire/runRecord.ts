/** The run's record as a Redis hash: one field for each member, objects as JSON, null as ''. */
import { DEFAULT_TENANT } from '../domain/caller.ts';
import type { JsonValue } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import type { Label, RunDetail, RunDetails, RunRecord, RunSummary } from '../domain/run.ts';
import { parseExactJson } from '../domain/text/exactJson.ts';
import { marksOf } from './labelMarks.ts';

type Fields = Readonly<Record<string, string>>;
export type RecordChanges = Partial<
  Omit<RunRecord, 'id' | 'term' | 'writer' | 'lastSeq' | 'closed' | 'version' | 'logIndex'>
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

const text = (fields: Fields, name: string): string | null => fields[name] || null;
const number = (fields: Fields, name: string): number | null => (fields[name] ? Number(fields[name]) : null);
const count = (fields: Fields, name: string): number => Number(fields[name] ?? 0);
const json = <T>(fields: Fields, name: string, fallback: T): T => {
  const value = fields[name];
  return value === undefined || value === '' ? fallback : (JSON.parse(value) as T);
};
/** A value from a client or a command: its numbers keep their text. */
const givenJson = (fields: Fields, name: string): JsonValue | undefined =>
  fields[name] ? (parseExactJson(fields[name]) as JsonValue) : undefined;

/** The record from HGETALL's reply; null if there is no such run. */
export const parseRecord = (fields: Fields): RunRecord | null => {
  if (!fields.id) return null;
  return {
    ...smallMembers(fields),
    ...details(fields),
    env: json(fields, 'env', []),
    backoffSeconds: number(fields, 'backoffSeconds') ?? 1,
    cancelReason: text(fields, 'cancelReason'),
    cancelForce: fields.cancelForce === '1',
    nextAttempt: number(fields, 'nextAttempt') ?? 1,
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

const smallMembers = (fields: Fields): RunSummary => ({
  id: fields.id as RunId,
  // Runs of a service without tenants have none.
  tenant: text(fields, 'tenant') ?? DEFAULT_TENANT,
  createdBy: text(fields, 'createdBy'),
  name: text(fields, 'name'),
  image: fields.image ?? '',
  timeoutSeconds: number(fields, 'timeoutSeconds'),
  resources: json(fields, 'resources', { cpus: null, memoryMb: null }),
  maxAttempts: number(fields, 'maxAttempts') ?? 1,
  status: (fields.status ?? 'PENDING') as RunRecord['status'],
  attempt: number(fields, 'attempt') ?? 1,
  exitCode: number(fields, 'exitCode'),
  createdAt: count(fields, 'createdAt'),
  startedAt: number(fields, 'startedAt'),
  finishedAt: number(fields, 'finishedAt'),
  cancelRequestedAt: number(fields, 'cancelRequestedAt'),
  retryOf: text(fields, 'retryOf') as RunId | null,
  retryAt: number(fields, 'retryAt'),
  lines: count(fields, 'lines'),
  bytes: count(fields, 'bytes'),
  dropped: count(fields, 'dropped'),
  digest: text(fields, 'digest'),
  lastSeq: count(fields, 'lastSeq'),
  closed: fields.closed === '1',
  version: count(fields, 'version'),
});

const details = (fields: Fields): RunDetails => ({
  command: json<string[]>(fields, 'command', []),
  input: givenJson(fields, 'input'),
  labels: json(fields, 'labels', []),
  output: givenJson(fields, 'output'),
  progress: json(fields, 'progress', null),
  failure: json(fields, 'failure', null),
});

/** A field of the hash that is not in RunRecord: marksOf(labels). Runs made by an older service do not have it. */
export const LABEL_MARKS = 'labelMarks';

const SUMMARY: Readonly<Record<keyof RunSummary, true>> = {
  id: true,
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

/** The summary from HMGET's reply; null if there is no such run. */
export const parseSummary = (values: readonly (string | null)[]): RunSummary | null => {
  const fields: Record<string, string> = {};
  for (const [i, name] of SUMMARY_FIELDS.entries()) fields[name] = values[i] ?? '';
  return fields.id ? smallMembers(fields) : null;
};

/** The marks of a run's labels, from the field `labels`. */
export const parseMarks = (labels: string | null): string => marksOf(labels ? (JSON.parse(labels) as Label[]) : []);

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
  startedAt: run.startedAt,
  exitCode: run.exitCode,
  failure: run.failure,
  digest: run.digest,
  retryAt: run.retryAt,
  progress: run.progress,
  ...(run.output === undefined ? {} : { output: run.output }),
});
