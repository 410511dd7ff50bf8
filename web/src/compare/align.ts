/** Aligns the lines of two logs: what is the same in both stands side by side. Times and masked numbers are ignored. */

/** A longer log is compared up to here: the alignment costs time with the product of what differs. */
export const MOST_LINES = 20_000;

export interface AlignedRow {
  /** Index of the line in the left and the right log; null: it has no counterpart. */
  readonly left: number | null;
  readonly right: number | null;
}

const TIMES = /\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?|\b\d\d:\d\d:\d\d(?:[.,]\d+)?/g;
const IDS = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b0x[0-9a-f]+\b/gi;
const NUMBERS = /\d+(?:\.\d+)?/g;

/** The line without what differs from run to run. */
export const comparable = (line: string): string =>
  line
    .replace(TIMES, '<time>')
    .replace(IDS, '<id>')
    .replace(/\*{3,}/g, '<secret>')
    .replace(NUMBERS, '<n>')
    .trimEnd();

/** Lines that occur once in each log and in the same order are the fixed points (patience diff). */
const fixedPoints = (left: readonly string[], right: readonly string[]): readonly (readonly [number, number])[] => {
  const once = (lines: readonly string[]): ReadonlyMap<string, number> => {
    const seen = new Map<string, number>();
    lines.forEach((line, index) => {
      seen.set(line, seen.has(line) ? -1 : index);
    });
    return seen;
  };
  const [inLeft, inRight] = [once(left), once(right)];
  const pairs: [number, number][] = [];
  for (const [line, at] of inLeft) {
    const other = inRight.get(line) ?? -1;
    if (at >= 0 && other >= 0) pairs.push([at, other]);
  }
  return increasing(pairs);
};

/** The longest chain of pairs that increases on both sides; they increase on the left already. */
const increasing = (pairs: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] => {
  const ends: number[] = [];
  const before: number[] = [];
  pairs.forEach(([, value], index) => {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((pairs[ends[middle] ?? 0]?.[1] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    before[index] = low > 0 ? (ends[low - 1] ?? -1) : -1;
    ends[low] = index;
  });
  const chain: (readonly [number, number])[] = [];
  for (let at = ends.at(-1) ?? -1; at >= 0; at = before[at] ?? -1) {
    const pair = pairs[at];
    if (pair !== undefined) chain.push(pair);
  }
  return chain.reverse();
};

/** Between two fixed points: equal lines at both ends are pairs; the rest stands alone. */
const between = (
  left: readonly string[],
  right: readonly string[],
  from: readonly [number, number],
  to: readonly [number, number],
): AlignedRow[] => {
  let [l, r] = from;
  let [lEnd, rEnd] = to;
  const rows: AlignedRow[] = [];
  const tail: AlignedRow[] = [];
  while (l < lEnd && r < rEnd && left[l] === right[r]) rows.push({ left: l++, right: r++ });
  while (lEnd > l && rEnd > r && left[lEnd - 1] === right[rEnd - 1]) tail.push({ left: --lEnd, right: --rEnd });
  while (l < lEnd) rows.push({ left: l++, right: null });
  while (r < rEnd) rows.push({ left: null, right: r++ });
  return [...rows, ...tail.reverse()];
};

export const align = (leftLines: readonly string[], rightLines: readonly string[]): readonly AlignedRow[] => {
  const [left, right] = [leftLines.map(comparable), rightLines.map(comparable)];
  const rows: AlignedRow[] = [];
  let at: readonly [number, number] = [0, 0];
  for (const point of [...fixedPoints(left, right), [left.length, right.length] as const]) {
    rows.push(...between(left, right, at, point));
    if (point[0] < left.length) rows.push({ left: point[0], right: point[1] });
    at = [point[0] + 1, point[1] + 1];
  }
  return rows;
};
