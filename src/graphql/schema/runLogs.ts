/** Subscription.runLogs and runLogBatches. */

import { whenAnswered } from '../../delivery/changeSources.ts';
import type { EventSource } from '../../delivery/eventSource.ts';
import { fromTail } from '../../delivery/filteredTail.ts';
import { openViewer } from '../../delivery/opening.ts';
import { type EventBatch, type LogField, LogStream, type NamedFilter, PieceSource } from '../../delivery/pieces.ts';
import { BadUserInput, throwProblems } from '../../domain/errors.ts';
import type { Seq } from '../../domain/events.ts';
import { type LogFilterInput as FilterInput, filterProblems, logFilter, readsMessages } from '../../domain/filter.ts';
import type { RunId } from '../../domain/ids.ts';
import { between, notNegative } from '../../domain/inputChecks.ts';
import { LIMITS } from '../../domain/limits.ts';
import type { ViewFrom } from '../../log/viewer.ts';
import type { ApiContext } from '../context/context.ts';
import { builder } from './builder.ts';
import { LogFilterInput } from './logFilter.ts';
import { requireRunId } from './mutations.ts';
import { RunEventRef } from './runEvent.ts';

const RunEventBatch = builder.objectRef<EventBatch>('RunEventBatch').implement({
  description: `Several events at once: what a viewer should use. Under load a batch grows, so the cost
per line falls; at rest a batch holds one event, so nothing waits.`,
  fields: (t) => ({
    runId: t.exposeID('runId', { description: 'The run.' }),
    events: t.field({
      type: [RunEventRef],
      resolve: (batch) => batch.events,
      description: `In seq order. The first batch comes at once, empty where there is nothing yet; later ones are empty
only where a filter took all out and the position moved on.`,
    }),
    lastSeq: t.exposeInt('lastSeq', { description: 'Resume with after: lastSeq.' }),
    caughtUp: t.exposeBoolean('caughtUp', {
      description: 'True once the stored history has been delivered and what follows is live.',
    }),
  }),
});

const TAIL = `Start so many events before the newest; with a filter, so many of those that it selects, as far as they are
among the last 500,000 events.`;

interface FollowArguments {
  readonly runId: string;
  readonly after?: number | null | undefined;
  readonly tail?: number | null | undefined;
  readonly filter?: FilterInput | null | undefined;
  readonly maxBatch?: number | null | undefined;
}

const namedFilter = (given: FilterInput | null | undefined): NamedFilter | null => {
  const filter = logFilter(given, 'filter');
  return filter && { ...filter, name: JSON.stringify(given), readsMessages: readsMessages(given) };
};

/** @throws BadUserInput where the run has ended and nothing follows, which the transport looks up in `resume` */
const resumed = async (runId: RunId, { resume, loadRun }: ApiContext): Promise<Seq | null> => {
  if (resume === undefined) return null;
  const run = await loadRun(runId);
  if (run?.closed !== true || run.lastSeq !== resume.after) return resume.after;
  resume.nothingFollows = true;
  throw new BadUserInput('after', 'The run has ended, and nothing follows.');
};

const follow = async (field: LogField, given: FollowArguments, context: ApiContext): Promise<LogStream> => {
  const { after, tail } = given;
  const maxBatch = given.maxBatch ?? LIMITS.batchEvents;
  throwProblems([
    ...notNegative('after', after, 'A seq'),
    ...notNegative('tail', tail, 'A count'),
    ...between('maxBatch', maxBatch, 1, LIMITS.batchEvents),
    ...filterProblems(given.filter, 'filter'),
  ]);
  const filter = namedFilter(given.filter);
  const runId = requireRunId(given.runId);
  const { hub, reader } = context;
  const viewer = await openViewer(async (signal) => {
    const start = (await whenAnswered(() => resumed(runId, context), signal)) ?? after;
    if (start != null) return await hub.open(runId, { after: start }, signal);
    if (tail == null) return await hub.open(runId, {}, signal);
    const from: ViewFrom = await whenAnswered(() => fromTail(reader, runId, tail, filter, signal), signal);
    return await hub.open(runId, from, signal);
  });
  return new LogStream(field, new PieceSource({ runId, viewer, filter, maxBatch }));
};

builder.subscriptionField('runLogs', (t) =>
  t.field({
    type: RunEventRef,
    args: {
      runId: t.arg.id({ required: true, description: 'The run.' }),
      after: t.arg.int({ description: 'Go on after this seq. Beyond the end of a finished run it is BAD_USER_INPUT.' }),
      tail: t.arg.int({ description: TAIL }),
      filter: t.arg({ type: LogFilterInput, description: 'Which events; default: all.' }),
    },
    subscribe: (_root, args, context) => follow('runLogs', args, context) satisfies Promise<AsyncIterable<EventSource>>,
    resolve: (event) => event,
    description: `Every event of the run, from seq after+1 on: first what is stored, then live, with no
gap and no repeat at the join, then complete after RunFinished. Without after, tail: n
starts n events before the newest (of those that the filter selects); with neither, from
the beginning; with both, after counts. A slow client slows only itself, in bounded memory, and still gets every event.`,
  }),
);

builder.subscriptionField('runLogBatches', (t) =>
  t.field({
    type: RunEventBatch,
    args: {
      runId: t.arg.id({ required: true, description: 'The run.' }),
      after: t.arg.int({ description: 'Go on after this seq. Beyond the end of a finished run it is BAD_USER_INPUT.' }),
      tail: t.arg.int({ description: TAIL }),
      filter: t.arg({ type: LogFilterInput, description: 'Which events; default: all.' }),
      maxBatch: t.arg.int({ description: 'Events of one batch at most, 1 to 500; default 500.' }),
    },
    subscribe: (_root, args, context) =>
      follow('runLogBatches', args, context) satisfies Promise<AsyncIterable<EventBatch>>,
    resolve: (batch) => batch,
    description: 'The same sequence in batches of at most maxBatch (500) events and about 1 MiB.',
  }),
);
