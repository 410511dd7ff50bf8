/** Checks of single arguments: what is wrong as a list, empty where nothing is or nothing was given. */
import { type InputProblem, inputProblem } from './errors.ts';

type Given<T> = T | null | undefined;

export const between = (argument: string, value: Given<number>, low: number, high: number): readonly InputProblem[] =>
  value != null && (value < low || value > high) ? [inputProblem(argument, `Between ${low} and ${high}.`)] : [];

/** @param what such as "A seq" */
export const notNegative = (argument: string, value: Given<number>, what: string): readonly InputProblem[] =>
  value != null && value < 0 ? [inputProblem(argument, `${what} is 0 or more.`)] : [];

/** A page has one direction. */
export const notBoth = (first: Given<number>, last: Given<number>): readonly InputProblem[] =>
  first != null && last != null ? [inputProblem('last', 'Give first or last, not both.')] : [];
