/** Numbers that one run could make too large for GraphQL's Int: one of them would fail a whole list. */
const LARGEST = 2 ** 31 - 1;

/** The number, or the largest Int where it is larger. */
export const asInt = (value: number): number => Math.min(value, LARGEST);
