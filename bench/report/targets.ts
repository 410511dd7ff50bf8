/** The targets of the bench, beside what was measured. */
import type { Row } from '../parts/part.ts';
import { FIRST_TARGETS } from './firstTargets.ts';
import { GOALS } from './goals.ts';
import { FIRST, GOAL, type Results } from './target.ts';

export const TARGETS_NOTE =
  'A to E are the contenders below. "B / D" is how many times the CPU of D the contender B needs. A target with the source ' +
  `"${GOAL}" is what the project wants. One with the source "${FIRST}" was set from that measurement with a margin of ` +
  'about half, so it only shows a regression. Ratios are better evidence than absolute figures, which depend on the machine.';

/** One row for each target of these parts, also if it could not be measured. */
export const targetRows = (results: Results, parts: readonly string[]): Row[] =>
  [...GOALS, ...FIRST_TARGETS]
    .filter((one) => one.parts.every((part) => parts.includes(part)))
    .map(({ figure: name, bound, target, source, measured }) => {
      const value = measured(results);
      const known = Number.isFinite(value);
      const met = bound === 'at least' ? value >= target : value <= target;
      return {
        ...{ figure: name, bound, target, measured: known ? value : '-' },
        ...{ met: known ? (met ? 'yes' : 'NO') : 'not measured', source },
      };
    });
