/** Counts that could exceed GraphQL's Int: a larger number would fail the field, and with it a whole list of runs. */
const LARGEST = 2 ** 31 - 1;

/** The number, at most the largest Int. */
export const asInt = (value: number): number => Math.min(value, LARGEST);
