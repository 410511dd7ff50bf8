/** LogStats, LevelCount, MissingEvents and Run.logStats. */
import { NotFound } from '../../../domain/errors.ts';
import { LOG_LEVELS } from '../../../domain/events.ts';
import type { RunId } from '../../../domain/ids.ts';
import { asInt } from '../../../domain/ints.ts';
import type { MissingEvents as Missing } from '../../../log/storedSummary.ts';
import { type LogSummary, logSummary, type SummaryCaller } from '../../../log/summary/logSummary.ts';
import type { LevelCounts } from '../../../wire/logIndex/batchFacts.ts';
import type { ApiContext } from '../../context/context.ts';
import { builder } from '../base/builder.ts';
import { DropReason } from '../events/linesDropped.ts';
import { LogLevel } from '../events/logLine.ts';
import { Run } from '../runs/runType.ts';

/** @throws NotFound if the run was removed; LimitExceeded; Unavailable */
export const summaryOf = async (runId: RunId, tables: boolean, context: ApiContext): Promise<LogSummary> => {
  const summary = await logSummary(context.reader, runId, tables, callerOf(context));
  if (summary === null) throw new NotFound('The run was removed while it was being read.');
  return summary;
};

export const callerOf = ({ budget }: Pick<ApiContext, 'budget'>): SummaryCaller => ({
  signal: budget.signal,
  goOn: () => budget.goOn(),
  charge: (bytes) => budget.takeDetails(bytes),
});

export const LevelCount = builder
  .objectRef<{ readonly level: (typeof LOG_LEVELS)[number]; readonly lines: number }>('LevelCount')
  .implement({
    description: 'How many lines have a level.',
    fields: (t) => ({
      level: t.field({ type: LogLevel, resolve: ({ level }) => level, description: 'The level.' }),
      lines: t.int({ resolve: ({ lines }) => asInt(lines), description: 'LogLine events of this level.' }),
    }),
  });

/** One for each level, also for those without lines. */
export const levelCounts = (levels: LevelCounts) => LOG_LEVELS.map((level, i) => ({ level, lines: levels[i] ?? 0 }));

const MissingEvents = builder.objectRef<Missing>('MissingEvents').implement({
  description: 'Events that are not in the store any more. Readers get a LinesDropped in their place.',
  fields: (t) => ({
    fromSeq: t.exposeInt('fromSeq', { description: 'The first one.' }),
    seq: t.exposeInt('seq', { description: 'The last one.' }),
    lines: t.int({
      nullable: true,
      resolve: ({ lines }) => (lines === null ? null : asInt(lines)),
      description: 'LogLine events among them; null if they were not counted.',
    }),
    reason: t.field({ type: DropReason, resolve: ({ reason }) => reason, description: 'Why they are missing.' }),
  }),
});

const LogStats = builder.objectRef<LogSummary>('LogStats').implement({
  description: 'Counts of a log. One snapshot: every number is of the same instant.',
  fields: (t) => ({
    lastSeq: t.exposeInt('lastSeq', { description: 'seq of the newest event that is counted.' }),
    lines: t.int({
      resolve: ({ lines }) => asInt(lines),
      description: 'As Run.lines: dropped and lost ones count too.',
    }),
    bytes: t.exposeFloat('bytes', { description: 'As Run.bytes.' }),
    textLines: t.int({
      resolve: ({ index }) => asInt(index.state.commandLines),
      description: 'Lines of log.txt, with dropped ones: the largest LogLine.line.',
    }),
    levels: t.field({
      type: [LevelCount],
      resolve: ({ index }) => levelCounts(index.state.levels),
      description: 'Lines by level: one entry for each level, in rising order.',
    }),
    firstError: t.int({
      nullable: true,
      resolve: ({ index }) => index.state.firstError,
      description: 'seq of the first line of level ERROR or CRITICAL; null if there is none.',
    }),
    lastError: t.int({
      nullable: true,
      resolve: ({ index }) => index.state.lastError,
      description: 'seq of the newest line of level ERROR or CRITICAL; null if there is none.',
    }),
    firstAt: t.field({
      type: 'DateTime',
      nullable: true,
      resolve: ({ index }) => index.state.firstAt || null,
      description: 'timestamp of the first event.',
    }),
    lastAt: t.field({
      type: 'DateTime',
      nullable: true,
      resolve: ({ index }) => index.state.lastAt || null,
      description: 'timestamp of the newest event.',
    }),
    missing: t.field({
      type: [MissingEvents],
      resolve: ({ missing }) => [...missing],
      description: 'Events that are not in the store any more, in seq order.',
    }),
    groups: t.int({
      resolve: ({ index }) => asInt(index.state.groupsStarted),
      description: 'Groups that have started, with those that Run.outline does not have.',
    }),
    indexed: t.exposeBoolean('indexed', {
      description: `True if the counts were kept as the log was written. False for the log of an older version: it was read for this
answer, which is slow, and lines that are missing are not in levels.`,
    }),
  }),
});

builder.objectField(Run, 'logStats', (t) =>
  t.field({
    authScopes: { right: 'Run.logStats' },
    type: LogStats,
    resolve: ({ id }, _args, context) => summaryOf(id, false, context),
    description: 'Counts of the log, kept as it is written.',
  }),
);
