/** LogGroup and Run.outline. */
import { throwProblems } from '../../../domain/errors.ts';
import { between, notNegative } from '../../../domain/inputChecks.ts';
import { asInt } from '../../../domain/ints.ts';
import { LIMITS } from '../../../domain/limits.ts';
import { type LogGroup as Group, outlineOf } from '../../../log/summary/outline.ts';
import { pacedList } from '../../loaders/pacedList.ts';
import { builder } from '../base/builder.ts';
import { Run } from '../runs/runType.ts';
import { summaryOf } from './logStats.ts';

const DEFAULT_GROUPS = 500;

export const LogGroup = builder.objectRef<Group>('LogGroup').implement({
  description: 'A group of events, from its GroupStarted to its end.',
  fields: (t) => ({
    seq: t.exposeInt('seq', { description: 'seq of its GroupStarted.' }),
    endSeq: t.exposeInt('endSeq', { nullable: true, description: 'seq of its end; null while it is open.' }),
    parent: t.exposeInt('parent', { nullable: true, description: 'seq of the group around it.' }),
    depth: t.exposeInt('depth', { description: '1 for a group that is in no other group.' }),
    name: t.exposeString('name', { description: 'Its title. A title of more than 256 characters is cut here.' }),
    attempt: t.exposeInt('attempt', { description: 'The attempt that it is in.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When it started.' }),
    durationMs: t.exposeFloat('durationMs', {
      nullable: true,
      description: 'How long it took; null while it is open.',
    }),
    lines: t.int({ resolve: ({ lines }) => asInt(lines), description: 'Lines in it and in the groups in it.' }),
    errors: t.int({
      resolve: ({ errors }) => asInt(errors),
      description: 'Of those, lines of level ERROR or CRITICAL.',
    }),
    warnings: t.int({ resolve: ({ warnings }) => asInt(warnings), description: 'Of those, lines of level WARNING.' }),
  }),
});

builder.objectField(Run, 'outline', (t) =>
  t.field({
    authScopes: { right: 'Run.outline' },
    type: [LogGroup],
    args: {
      attempt: t.arg.int({ description: 'Only groups of this attempt.' }),
      maxDepth: t.arg.int({ description: '1: only groups that are in no other group.' }),
      first: t.arg.int({ defaultValue: DEFAULT_GROUPS, description: 'Maximum number of groups: at most 2000.' }),
      after: t.arg.int({ description: 'Only groups that started after this seq.' }),
    },
    resolve: async ({ id }, { attempt, maxDepth, first, after }, context) => {
      throwProblems([
        ...between('first', first, 0, LIMITS.outlineGroups),
        ...between('maxDepth', maxDepth, 1, Number.POSITIVE_INFINITY),
        ...between('attempt', attempt, 1, Number.POSITIVE_INFINITY),
        ...notNegative('after', after),
      ]);
      const { index } = await summaryOf(id, true, context);
      const request = { attempt: attempt ?? null, maxDepth: maxDepth ?? null };
      const groups = outlineOf(index, { ...request, first: first ?? DEFAULT_GROUPS, after: after ?? 0 });
      return pacedList(groups, context.budget);
    },
    description: `Groups in the order of their start, kept as the log is written. 2,000 of a run are kept at most: of more groups, the
deepest are left out, then those in the middle. LogStats.groups counts all of them.`,
  }),
);
