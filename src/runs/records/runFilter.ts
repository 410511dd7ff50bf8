/** Which runs a list or a subscription wants (RunFilter of the API), as functions. Pure. */
import type { EpochMs } from '../../domain/events.ts';
import type { RunId } from '../../domain/ids.ts';
import { LIMITS } from '../../domain/limits.ts';
import { isAllowedImage } from '../../domain/policy/allowedImages.ts';
import type { FailureReason, Label, RunDetail, RunDetails, RunStatus } from '../../domain/run.ts';
import { textFinder } from '../../domain/text/textSearch.ts';
import { includesMarks, marksOf } from '../../wire/labelMarks.ts';

/** A run must match all conditions that are given. An empty list or text matches every run. */
export interface RunFilter {
  /** Any of them. */
  readonly status?: readonly RunStatus[];
  /** All of them. */
  readonly labels?: readonly Label[];
  /** Words; see searchWords. */
  readonly text?: string;
  /** Both exclusive. */
  readonly createdAfter?: EpochMs;
  readonly createdBefore?: EpochMs;
  /** Any of them. */
  readonly failure?: readonly FailureReason[];
  /** A pattern as in ALLOWED_IMAGES. */
  readonly image?: string;
}

/** What is read of each run to compare it. */
export interface RunHead {
  readonly id: RunId;
  readonly status: RunStatus;
  readonly labelMarks: string;
  readonly name: string | null;
  readonly image: string;
  readonly createdAt: EpochMs;
}

/** What is compared. `failure` and `hasText` are undefined if they were not read: then they match. */
export interface RunFacts extends RunHead {
  readonly failure?: FailureReason | null | undefined;
  readonly hasText?: boolean | undefined;
}

export interface RunMatcher {
  readonly matches: (run: RunFacts) => boolean;
  /** The large members that the filter compares. */
  readonly details: readonly RunDetail[];
  /** Whether the run has the text of the filter. */
  readonly hasText: (run: RunHead, details: Partial<RunDetails>) => boolean;
}

/** The filter as functions; null where every run matches. */
export const runMatcher = (filter: RunFilter): RunMatcher | null => {
  const tests = headTests(filter);
  const words = searchWords(filter.text);
  const failures = filter.failure?.length ? new Set<FailureReason | null>(filter.failure) : null;
  if (tests.length === 0 && words.length === 0 && failures === null) return null;
  const finders = words.map((word) => ({ word, isIn: textFinder(word) }));
  return {
    matches: (run) =>
      tests.every((test) => test(run)) &&
      (failures === null || run.failure === undefined || failures.has(run.failure)) &&
      (run.hasText ?? true),
    details: [...(failures === null ? [] : ['failure' as const]), ...(words.length === 0 ? [] : TEXT_DETAILS)],
    hasText: (run, details) => {
      const text = searchedText(run, details);
      return finders.every(({ word, isIn }) => isIn(text) || isIdPrefix(word, run.id));
    },
  };
};

/** Words of a search, in lower case: a run has the text if it has each of them. */
export const searchWords = (text: string | undefined): readonly string[] =>
  (text ?? '')
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');

const TEXT_DETAILS: readonly RunDetail[] = ['command', 'labels'];
/** The first group of a UUID: ids of the same hours begin with the same characters, so less would match most runs. */
const ID_PREFIX = 8;
/** Separates texts. No word contains it. */
const BETWEEN = '\n';

const isIdPrefix = (word: string, id: RunId): boolean => word.length >= ID_PREFIX && id.startsWith(word);

const searchedText = ({ name, image }: RunHead, { command, labels }: Partial<RunDetails>): string =>
  [name ?? '', image, ...(command ?? []), ...(labels ?? []).map((label) => `${label.name}=${label.value}`)]
    .join(BETWEEN)
    .toLowerCase();

type Test = (run: RunHead) => boolean;

const headTests = ({ status, labels, createdAfter, createdBefore, image }: RunFilter): readonly Test[] => {
  const tests: Test[] = [];
  if (status?.length) {
    const statuses = new Set(status);
    tests.push((run) => statuses.has(run.status));
  }
  const marks = marksOf(labels ?? []);
  if (marks !== '') tests.push((run) => includesMarks(run.labelMarks, marks));
  if (createdAfter !== undefined) tests.push((run) => run.createdAt > createdAfter);
  if (createdBefore !== undefined) tests.push((run) => run.createdAt < createdBefore);
  if (image) tests.push((run) => run.image === image || isAllowedImage(run.image, [image]));
  return tests;
};

/** Borders of ids, in the form of ZRANGE BYLEX. */
export interface IdRange {
  readonly low: string;
  readonly high: string;
}

/** Between which ids the runs of the filter are. */
export const idRange = ({ createdAfter, createdBefore }: RunFilter): IdRange => ({
  low: createdAfter === undefined ? '-' : `[${idsFrom(createdAfter - LIMITS.creationMs)}`,
  high: createdBefore === undefined ? '+' : `(${idsFrom(createdBefore + LIMITS.creationMs)}`,
});

const NEWEST_ID_MS = 2 ** 48 - 1;

/** What the first id of this instant begins with: a UUID of version 7 begins with its milliseconds. */
const idsFrom = (instant: EpochMs): string => {
  const hex = Math.min(Math.max(instant, 0), NEWEST_ID_MS).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
};
