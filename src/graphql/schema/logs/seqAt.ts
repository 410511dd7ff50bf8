/** Run.seqAt: from a line number or an instant to a seq. */
import { BadUserInput, throwProblems } from '../../../domain/errors.ts';
import { between } from '../../../domain/inputChecks.ts';
import { seqAtLine, seqAtTime } from '../../../log/summary/findSeq.ts';
import { builder } from '../base/builder.ts';
import { Run } from '../runs/runType.ts';
import { callerOf, summaryOf } from './logStats.ts';

builder.objectField(Run, 'seqAt', (t) =>
  t.field({
    authScopes: { right: 'Run.seqAt' },
    type: 'Int',
    nullable: true,
    args: {
      time: t.arg({
        type: 'DateTime',
        description: 'Find the first event whose timestamp is not before this instant.',
      }),
      line: t.arg.int({ description: 'Find this line of log.txt, from 1.' }),
    },
    resolve: async ({ id }, { time, line }, context) => {
      throwProblems(between('line', line, 1, Number.POSITIVE_INFINITY));
      if ((time == null) === (line == null)) throw new BadUserInput('line', 'Use either time or line.');
      const log = await summaryOf(id, true, context);
      const search = { reader: context.reader, runId: id, log, pace: callerOf(context) };
      return line != null ? await seqAtLine(search, line) : time != null ? await seqAtTime(search, time) : null;
    },
    description: `seq of an event; null if there is none. If the line or event is missing, it is the seq of the LinesDropped in its
place. Only a small part of the log is read for it.`,
  }),
);
