/** A run with a log in a real Redis, written by the test itself. */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { EventDraft } from '../../src/domain/events.ts';
import { newRunId, type RunId } from '../../src/domain/ids.ts';
import type { RunRecord } from '../../src/domain/run.ts';
import { RedisLogReader } from '../../src/log/reader.ts';
import type { LogEntry } from '../../src/log/viewer.ts';
import { type AppendReply, appendBatch, claimLog, type LogTotals } from '../../src/wire/append.ts';
import { BatchBuilder, encodeBatch } from '../../src/wire/batchBuilder.ts';
import { logChannel, logKey, recordKey } from '../../src/wire/keys.ts';
import { fixedPart } from '../../src/wire/record/fixedFields.ts';
import { type RecordChanges, recordFields } from '../../src/wire/runRecord.ts';
import { Script } from '../../src/wire/scripts/script.ts';
import { CREATE } from '../../src/wire/scripts/writeScripts.ts';

const create = new Script(CREATE);

export const line = (message: string): EventDraft => ({
  kind: 'LogLine',
  timestamp: Date.now(),
  level: 'INFO',
  stream: 'STDOUT',
  message,
});

export const finished = (): EventDraft => ({
  kind: 'RunFinished',
  timestamp: Date.now(),
  status: 'COMPLETED',
  exitCode: 0,
  failure: null,
  message: 'Run COMPLETED',
  lines: 0,
  bytes: 0,
  dropped: 0,
  digest: null,
});

/** A PENDING run with its event of seq 1, as the API makes it. */
export const createRun = async (redis: Redis, changes: Partial<RunRecord> = {}): Promise<RunId> => {
  const id = newRunId();
  const now = Date.now();
  const record: Partial<RunRecord> = {
    id,
    image: 'process',
    command: ['true'],
    env: [],
    labels: [],
    resources: { cpus: null, memoryMb: null },
    maxAttempts: 1,
    backoffSeconds: 1,
    status: 'PENDING',
    attempt: 1,
    nextAttempt: 1,
    createdAt: now,
    lastSeq: 1,
    term: 0,
    writer: 'api',
    maxLineBytes: 65_536,
    maxLogBytes: 268_435_456,
    cancelGraceMs: 10_000,
    retentionMs: 3_600_000,
    ...changes,
  };
  const pending: EventDraft = {
    kind: 'StatusChanged',
    timestamp: now,
    status: 'PENDING',
    previous: null,
    detail: null,
  };
  const fields = recordFields(record);
  const fixed = fixedPart(fields);
  await create.run(
    redis,
    [recordKey(id), logKey(id)],
    [encodeBatch([pending], 1, 1), 1, logChannel(id), fixed.length, ...fixed, ...fields],
  );
  return id;
};

/** Appends what the test gives it, without checks. */
export class PlainWriter {
  readonly writer = randomUUID();
  readonly redis: Redis;
  readonly runId: RunId;
  term = 0;
  nextSeq = 1;

  constructor(redis: Redis, runId: RunId) {
    this.redis = redis;
    this.runId = runId;
  }

  async claim(): Promise<this> {
    const reply = await claimLog(this.redis, this.runId, {
      writer: this.writer,
      attempt: null,
      statuses: ['PENDING', 'STARTING', 'RUNNING'],
    });
    if (reply.code !== 'OK') throw new Error(`could not claim the log: ${reply.code}`);
    this.term = reply.run.term;
    this.nextSeq = reply.run.lastSeq + 1;
    return this;
  }

  async append(
    drafts: readonly EventDraft[],
    firstSeq = this.nextSeq,
    changes: RecordChanges = {},
    acrossLoss?: LogTotals,
  ): Promise<AppendReply> {
    const builder = new BatchBuilder();
    for (const draft of drafts) builder.add(draft);
    const reply = await appendBatch(this.redis, this.runId, {
      term: this.term,
      writer: this.writer,
      firstSeq,
      count: drafts.length,
      lines: builder.lines,
      messageBytes: builder.messageBytes,
      batch: builder.seal(firstSeq, 1),
      closes: drafts.at(-1)?.kind === 'RunFinished',
      changes,
      ...(acrossLoss === undefined ? {} : { acrossLoss }),
    });
    if (reply.code === 'OK') this.nextSeq = Math.max(this.nextSeq, firstSeq + drafts.length);
    return reply;
  }

  lines(count: number, text = 'line'): Promise<AppendReply> {
    return this.append(Array.from({ length: count }, (_, i) => line(`${text} ${this.nextSeq + i}`)));
  }
}

/** All entries of the log, read page by page. */
export const storedEntries = async (redis: Redis, runId: RunId): Promise<readonly LogEntry[]> => {
  const reader = new RedisLogReader(redis);
  const entries: LogEntry[] = [];
  for (let after = 0; ; ) {
    const page = await reader.forward(runId, after, 1000);
    if (page === null || page.entries.length === 0) return entries;
    entries.push(...page.entries);
    after = page.entries.at(-1)?.lastSeq ?? after;
  }
};
