/** Checks of single arguments. Each returns its problems: none if the value is valid or was not given. */
import { type InputProblem, inputProblem } from './errors.ts';

type Given<T> = T | null | undefined;

export const between = (argument: string, value: Given<number>, low: number, high: number): readonly InputProblem[] =>
  value != null && (value < low || value > high) ? [inputProblem(argument, `Must be between ${low} and ${high}.`)] : [];

export const notNegative = (argument: string, value: Given<number>): readonly InputProblem[] =>
  value != null && value < 0 ? [inputProblem(argument, 'Must be 0 or more.')] : [];

/** A page is read in one direction: from `first` or from `last`. */
export const notBoth = (first: Given<number>, last: Given<number>): readonly InputProblem[] =>
  first != null && last != null ? [inputProblem('last', 'Use either first or last, not both.')] : [];
