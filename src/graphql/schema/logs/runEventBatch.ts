/** RunEventBatch, Subscription.runLogs and Subscription.runLogBatches. */
import { whenAnswered } from '../../../delivery/changes/runState.ts';
import type { EventSource } from '../../../delivery/eventSource.ts';
import { fromTail } from '../../../delivery/filteredTail.ts';
import { openViewer } from '../../../delivery/opening.ts';
import { type EventBatch, type LogField, LogStream, type NamedFilter, PieceSource } from '../../../delivery/pieces.ts';
import { BadUserInput, NotFound, throwProblems } from '../../../domain/errors.ts';
import type { Seq } from '../../../domain/events.ts';
import {
  type LogFilterInput as FilterInput,
  filterProblems,
  logFilter,
  readsMessages,
} from '../../../domain/filter.ts';
import { type RunId, requireRunId } from '../../../domain/ids.ts';
import { between, notNegative } from '../../../domain/inputChecks.ts';
import { LIMITS } from '../../../domain/limits.ts';
import type { ViewFrom } from '../../../log/viewer.ts';
import type { ApiContext } from '../../context/context.ts';
import { builder } from '../base/builder.ts';
import { RunEventRef } from '../events/runEvent.ts';
import { LogFilterInput } from './logFilterInput.ts';

export const RunEventBatch = builder.objectRef<EventBatch>('RunEventBatch').implement({
  description: `Several events at once. Viewers should use this: under load batches grow, so the cost per line falls; without load a
batch has one event, so nothing waits.`,
  fields: (t) => ({
    runId: t.exposeID('runId', { description: 'Id of the run.' }),
    events: t.field({
      type: [RunEventRef],
      resolve: (batch) => batch.events,
      description: `In seq order. The first batch is sent at once, empty if there is nothing yet. Later ones are empty only if the filter
removed all events and the position advanced.`,
    }),
    lastSeq: t.exposeInt('lastSeq', { description: 'To resume, pass it as after.' }),
    caughtUp: t.exposeBoolean('caughtUp', {
      description: 'True once the stored history has been delivered and the events that follow are live.',
    }),
  }),
});

const TAIL = `Start this many events before the newest one. With a filter: this many of the events that it selects, as far as they
are among the last 500,000 events.`;

interface FollowArguments {
  readonly runId: string;
  readonly after?: number | null | undefined;
  readonly tail?: number | null | undefined;
  readonly filter?: FilterInput | null | undefined;
  readonly maxBatch?: number | null | undefined;
}

/** @throws BadUserInput */
export const namedFilter = (given: FilterInput | null | undefined, path = 'filter'): NamedFilter | null => {
  const filter = logFilter(given, path);
  return filter && { ...filter, name: JSON.stringify(given), readsMessages: readsMessages(given) };
};

/**
 * The rights to a log are checked here, when a subscription begins, and not for each line: the tenant of a run never changes.
 * @throws NotFound if the caller sees no such run; BadUserInput if the run has ended and nothing follows; the transport
 * finds that in `resume`
 */
const resumed = async (runId: RunId, { runs, resume }: ApiContext, signal: AbortSignal): Promise<Seq | null> => {
  const run = await runs.get(runId, signal);
  if (run === null) throw new NotFound();
  if (resume === undefined) return null;
  if (!run.closed || run.lastSeq !== resume.after) return resume.after;
  resume.nothingFollows = true;
  throw new BadUserInput('after', 'The run has ended and has no later events. Do not reconnect.');
};

const follow = async (field: LogField, given: FollowArguments, context: ApiContext): Promise<LogStream> => {
  const { after, tail } = given;
  const maxBatch = given.maxBatch ?? LIMITS.batchEvents;
  throwProblems([
    ...notNegative('after', after),
    ...notNegative('tail', tail),
    ...between('maxBatch', maxBatch, 1, LIMITS.batchEvents),
    ...filterProblems(given.filter, 'filter'),
  ]);
  const filter = namedFilter(given.filter);
  const runId = requireRunId(given.runId);
  const { hub, reader } = context;
  const viewer = await openViewer(async (signal) => {
    const start = (await whenAnswered(() => resumed(runId, context, signal), signal)) ?? after;
    if (start != null) return await hub.open(runId, { after: start }, signal);
    if (tail == null) return await hub.open(runId, {}, signal);
    const from: ViewFrom = await whenAnswered(() => fromTail(reader, { runId, tail, filter }, signal), signal);
    return await hub.open(runId, from, signal);
  });
  return new LogStream(field, new PieceSource({ runId, viewer, filter, maxBatch }));
};

/** Arguments of both subscriptions. */
const followArgs = builder.args((t) => ({
  runId: t.id({ required: true, description: 'Id of the run.' }),
  after: t.int({ description: 'Continue after this seq. Beyond the end of a finished run it is BAD_USER_INPUT.' }),
  tail: t.int({ description: TAIL }),
  filter: t.field({ type: LogFilterInput, description: 'Which events. Default: all.' }),
}));

builder.subscriptionField('runLogs', (t) =>
  t.field({
    authScopes: { right: 'Subscription.runLogs' },
    type: RunEventRef,
    args: followArgs,
    subscribe: (_root, args, context) => follow('runLogs', args, context) satisfies Promise<AsyncIterable<EventSource>>,
    resolve: (event) => event,
    description: `Every event of the run from seq after+1 on: first the stored ones, then live ones, with no gap and no repeat in
between; completes after RunFinished. Without after, tail: n starts n events before the newest (of those that the filter
selects). With neither, it starts at the beginning; with both, after is used. A slow client slows down only itself, in
bounded memory, and still gets every event.`,
  }),
);

builder.subscriptionField('runLogBatches', (t) =>
  t.field({
    authScopes: { right: 'Subscription.runLogBatches' },
    type: RunEventBatch,
    args: {
      ...followArgs,
      maxBatch: t.arg.int({ description: 'Maximum number of events in a batch, 1 to 500. Default: 500.' }),
    },
    subscribe: (_root, args, context) =>
      follow('runLogBatches', args, context) satisfies Promise<AsyncIterable<EventBatch>>,
    resolve: (batch) => batch,
    description: 'The same events as runLogs, in batches of at most maxBatch (500) events and about 1 MiB.',
  }),
);
