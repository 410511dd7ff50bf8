/** The input RunFilter, and how it becomes the filter that the store takes. */
import { type InputProblem, inputProblem, throwProblems } from '../../../domain/errors.ts';
import { LIMITS } from '../../../domain/limits.ts';
import type { Label, RunStatus as Status } from '../../../domain/run.ts';
import type { RunFilter } from '../../../runs/records/runs.ts';
import { builder } from '../base/builder.ts';
import { LabelInput } from './label.ts';
import { RunStatus } from './runStatus.ts';

export const RunFilterInput = builder.inputType('RunFilter', {
  description: 'Which runs. All conditions that are given must match.',
  fields: (t) => ({
    status: t.field({ type: [RunStatus], description: 'Any of these. An empty list means every status.' }),
    labels: t.field({ type: [LabelInput], description: 'All of these must match.' }),
  }),
});

interface RunFilterGiven {
  readonly status?: readonly Status[] | null | undefined;
  readonly labels?: readonly Label[] | null | undefined;
}

/** What is wrong with the filter: too many entries in a list. */
export const runFilterProblems = (given: RunFilterGiven | null | undefined): readonly InputProblem[] => {
  const problems: InputProblem[] = [];
  if ((given?.status?.length ?? 0) > LIMITS.filterEntries) {
    problems.push(inputProblem('filter.status', `Too many statuses: at most ${LIMITS.filterEntries}.`));
  }
  if ((given?.labels?.length ?? 0) > LIMITS.labelCount) {
    problems.push(inputProblem('filter.labels', `Too many labels: at most ${LIMITS.labelCount}.`));
  }
  return problems;
};

/** The filter as the store takes it, each status once. @throws BadUserInput; see runFilterProblems */
export const toRunFilter = (given: RunFilterGiven | null | undefined): RunFilter => {
  const { status, labels } = given ?? {};
  throwProblems(runFilterProblems(given));
  return { ...(status?.length ? { status: [...new Set(status)] } : {}), ...(labels?.length ? { labels } : {}) };
};
