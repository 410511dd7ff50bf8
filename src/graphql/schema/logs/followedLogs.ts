/** FollowedLogs and Subscription.logs: the logs of many runs. */
import { PullIterator } from '../../../async/pullIterator.ts';
import { type FollowedLogs as Followed, FollowSource } from '../../../delivery/follow/followSource.ts';
import { openSource } from '../../../delivery/opening.ts';
import { type InputProblem, inputProblem, throwProblems } from '../../../domain/errors.ts';
import type { Seq } from '../../../domain/events.ts';
import { filterProblems } from '../../../domain/filter.ts';
import { parseRunId, type RunId } from '../../../domain/ids.ts';
import { notNegative } from '../../../domain/inputChecks.ts';
import { LIMITS } from '../../../domain/limits.ts';
import { builder } from '../base/builder.ts';
import { RunFilterInput, runFilterProblems, toRunFilter } from '../runs/runFilterInput.ts';
import { Run } from '../runs/runType.ts';
import { LogFilterInput } from './logFilterInput.ts';
import { namedFilter, RunEventBatch } from './runEventBatch.ts';

const DEFAULT_TAIL = 10;

const LogPosition = builder.inputType('LogPosition', {
  description: 'Where a follower is in one of the runs that it follows.',
  fields: (t) => ({
    runId: t.id({ required: true, description: 'Id of the run.' }),
    after: t.int({ required: true, description: 'lastSeq of the last batch that the follower has of the run.' }),
  }),
});

const FollowChange = builder.enumType('FollowChange', {
  description: 'What happened to a run that is followed. This enum may grow.',
  values: {
    JOINED: { description: 'The run is followed from now on. batch is its first one.' },
    WAITING: {
      description: `The run matches, but ${LIMITS.followedRuns} runs are followed already. It is followed from the same place as soon as one of
them ends.`,
    },
    ENDED: {
      description:
        'Nothing more comes of the run: it has ended, it was removed, or it no longer matches. JOINED can follow if it matches again.',
    },
  } as const,
});

const FollowedLogs = builder.objectRef<Followed>('FollowedLogs').implement({
  description: 'Events of one of the runs that are followed, or what happened to it.',
  fields: (t) => ({
    run: t.field({
      authScopes: { right: 'FollowedLogs.run' },
      type: Run,
      resolve: ({ run }) => run,
      description: 'The run, as it was when it joined or last changed its state.',
    }),
    batch: t.field({
      type: RunEventBatch,
      nullable: true,
      resolve: ({ batch }) => batch,
      description: 'Events, as runLogBatches delivers them. Null for WAITING and ENDED.',
    }),
    change: t.field({
      type: FollowChange,
      nullable: true,
      resolve: ({ change }) => change,
      description: 'Null if there are only events.',
    }),
  }),
});

interface Position {
  readonly runId: string;
  readonly after: number;
}

const positionProblems = (given: readonly Position[]): readonly InputProblem[] => {
  if (given.length > LIMITS.followPositions) {
    return [inputProblem('positions', `Too many positions: at most ${LIMITS.followPositions}.`)];
  }
  return given.flatMap(({ after }, i) => notNegative(`positions.${i}.after`, after));
};

/** The positions by run. Of several for one run the furthest counts. An id that is not valid is left out: no run has it. */
const positionsOf = (given: readonly Position[]): ReadonlyMap<RunId, Seq> => {
  const positions = new Map<RunId, Seq>();
  for (const { runId, after } of given) {
    const id = parseRunId(runId);
    if (id !== null) positions.set(id, Math.max(after, positions.get(id) ?? 0));
  }
  return positions;
};

builder.subscriptionField('logs', (t) =>
  t.field({
    authScopes: { right: 'Subscription.logs' },
    type: FollowedLogs,
    complexity: LIMITS.followedRuns,
    args: {
      filter: t.arg({ type: RunFilterInput, required: true, description: 'Which runs.' }),
      log: t.arg({ type: LogFilterInput, description: 'Which of their events. Default: all.' }),
      tail: t.arg.int({
        defaultValue: DEFAULT_TAIL,
        description:
          'With how many of its last lines that log selects a run begins. Runs that start later begin at their first event.',
      }),
      positions: t.arg({
        type: [LogPosition],
        description: `To resume: where the follower is in each run, ${LIMITS.followPositions} runs at most. These runs are followed further even
if they no longer match.`,
      }),
      since: t.arg({
        type: 'DateTime',
        description:
          'To resume: when the follower subscribed first. Runs that started since then begin at their first event. Default: now.',
      }),
    },
    subscribe: async (_root, args, context) => {
      const { filter, tail, since } = args;
      const positions = args.positions ?? [];
      throwProblems([
        ...runFilterProblems(filter),
        ...filterProblems(args.log, 'log'),
        ...notNegative('tail', tail),
        ...positionProblems(positions),
      ]);
      const options = {
        ...context,
        filter: toRunFilter(filter),
        log: namedFilter(args.log, 'log'),
        tail: tail ?? DEFAULT_TAIL,
        positions: positionsOf(positions),
        since: since ?? Date.now(),
      };
      return new PullIterator(await openSource((signal) => FollowSource.open(options, signal)));
    },
    resolve: (followed, _args, { budget }) => {
      budget.renew();
      return followed;
    },
    description: `The logs of all runs that match, also of those that come later: each from its position, else with its last lines, as
runLogBatches delivers it, with no gap and no repeat. JOINED comes with the first batch of a run, ENDED after its
last. It never completes by itself. Runs take turns. To resume, pass lastSeq of the last batch of each run as positions.`,
  }),
);
