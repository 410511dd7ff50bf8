/** The input RunFilter, and how it becomes the filter that the store takes. */
import { type InputProblem, inputProblem, throwProblems } from '../../../domain/errors.ts';
import { LIMITS } from '../../../domain/limits.ts';
import type { FailureReason as Failure, Label, RunStatus as Status } from '../../../domain/run.ts';
import { type RunFilter, searchWords } from '../../../runs/records/runFilter.ts';
import { builder } from '../base/builder.ts';
import { LabelInput } from './label.ts';
import { FailureReason } from './runFailure.ts';
import { RunStatus } from './runStatus.ts';

export const RunFilterInput = builder.inputType('RunFilter', {
  description: 'Which runs. All conditions that are given must match.',
  fields: (t) => ({
    status: t.field({ type: [RunStatus], description: 'Any of these. An empty list means every status.' }),
    labels: t.field({ type: [LabelInput], description: 'All of these must match.' }),
    text: t.string({
      description: `Words, with spaces between them. Each must be in the name, the command, a label (as name=value) or the image, in any
case, or be the beginning of the id, of 8 characters or more.`,
    }),
    createdAfter: t.field({ type: 'DateTime', description: 'Runs whose createdAt is after this instant.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Runs whose createdAt is before this instant.' }),
    failure: t.field({
      type: [FailureReason],
      description: 'Runs that failed for one of these reasons. An empty list means every run.',
    }),
    image: t.string({
      description: `Runs with this image. It is a pattern as in ALLOWED_IMAGES: \`*\` stands for any characters, and without a tag every
tag matches.`,
    }),
  }),
});

interface RunFilterGiven {
  readonly status?: readonly Status[] | null | undefined;
  readonly labels?: readonly Label[] | null | undefined;
  readonly text?: string | null | undefined;
  readonly createdAfter?: number | null | undefined;
  readonly createdBefore?: number | null | undefined;
  readonly failure?: readonly Failure[] | null | undefined;
  readonly image?: string | null | undefined;
}

/** What is wrong with the filter: too many entries in a list, a text that is too long or has too many words. */
export const runFilterProblems = (given: RunFilterGiven | null | undefined): readonly InputProblem[] => {
  const { status, labels, failure, text, image } = given ?? {};
  const problems: InputProblem[] = [];
  const most = (name: string, length: number | undefined, limit: number, what: string): void => {
    if ((length ?? 0) > limit) problems.push(inputProblem(`filter.${name}`, `Too ${what}: at most ${limit}.`));
  };
  most('status', status?.length, LIMITS.filterEntries, 'many statuses');
  most('labels', labels?.length, LIMITS.labelCount, 'many labels');
  most('failure', failure?.length, LIMITS.filterEntries, 'many reasons');
  most('text', Buffer.byteLength(text ?? ''), LIMITS.runTextBytes, 'long, in bytes');
  if (problems.length === 0) most('text', searchWords(text ?? '').length, LIMITS.runTextWords, 'many words');
  most('image', Buffer.byteLength(image ?? ''), LIMITS.imageBytes, 'long, in bytes');
  return problems;
};

/** The filter as the store takes it, each status once. @throws BadUserInput; see runFilterProblems */
export const toRunFilter = (given: RunFilterGiven | null | undefined): RunFilter => {
  const { status, labels, text, createdAfter, createdBefore, failure, image } = given ?? {};
  throwProblems(runFilterProblems(given));
  return {
    ...(status?.length ? { status: [...new Set(status)] } : {}),
    ...(labels?.length ? { labels } : {}),
    ...(text?.trim() ? { text } : {}),
    ...(createdAfter == null ? {} : { createdAfter }),
    ...(createdBefore == null ? {} : { createdBefore }),
    ...(failure?.length ? { failure: [...new Set(failure)] } : {}),
    ...(image?.trim() ? { image: image.trim() } : {}),
  };
};
