/** The rows that targets depend on: they are measured several times (see roundsOf). */

const COUNTED: Readonly<Record<'flood' | 'rate', readonly (readonly [letters: string, viewers: number])[]>> = {
  flood: [
    ['D', 1],
    ['ABCD', 20],
    ['ABCD', 100],
  ],
  rate: [
    ['D', 1],
    ['BD', 100],
    ['D', 500],
  ],
};

export const isCounted = (part: 'flood' | 'rate', letter: string, viewers: number): boolean =>
  COUNTED[part].some(([letters, count]) => letters.includes(letter) && count === viewers);
