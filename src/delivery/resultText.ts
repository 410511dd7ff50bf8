/** Makes the JSON of large results in pieces, so that one answer does not delay others. */
import type { FormattedExecutionResult } from 'graphql';
import type { Work } from '../async/workTurn.ts';
import { isRawNumber } from '../domain/text/exactJson.ts';

/** Characters of a piece, approximately. */
const PIECE_CHARACTERS = 64 * 1024;
/** A result with at most so many values and characters is made at once. */
const FEW_VALUES = 2000;
const FEW_CHARACTERS = 64 * 1024;

/** Lists and the objects of graphql-js. Objects of the scalar JSON, which have a prototype, are bounded in bytes. */
const isBranch = (value: unknown): value is Readonly<Record<string, unknown>> | readonly unknown[] =>
  typeof value === 'object' &&
  value !== null &&
  (Array.isArray(value) || (Object.getPrototypeOf(value) === null && !isRawNumber(value)));

/** Whether the value needs pieces. The cost is bounded for every value. */
export const isLarge = (value: unknown): boolean => {
  let values = 0;
  let characters = 0;
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    values += 1;
    if (typeof next === 'string') characters += next.length;
    if (values > FEW_VALUES || characters > FEW_CHARACTERS) return true;
    if (typeof next !== 'object' || next === null) continue;
    for (const member of Array.isArray(next) ? next : Object.values(next)) {
      waiting.push(member);
      if (waiting.length > FEW_VALUES) return true;
    }
  }
  return false;
};

/** The parts of JSON.stringify(value). The value has no cycle. */
function* texts(value: unknown): Generator<string> {
  if (!isBranch(value)) {
    yield JSON.stringify(value) ?? 'null';
    return;
  }
  const members = Array.isArray(value) ? null : Object.entries(value).filter(([, member]) => member !== undefined);
  if (members !== null && !members.some(([, member]) => isBranch(member))) {
    yield JSON.stringify(value);
    return;
  }
  let before = members === null ? '[' : '{';
  for (const member of members ?? (value as readonly unknown[])) {
    const [name, inner] = members === null ? [null, member] : (member as readonly [string, unknown]);
    yield name === null ? before : `${before}${JSON.stringify(name)}:`;
    yield* texts(inner);
    before = ',';
  }
  if (before !== ',') yield before;
  yield members === null ? ']' : '}';
}

/** How an answer is made. The signal aborts when nobody waits for the answer. */
export interface Making {
  readonly work: Work;
  readonly signal: AbortSignal;
}

/**
 * The result as JSON, in pieces of UTF-8. Between pieces the work of other clients goes on. The result must not change
 * meanwhile.
 * @throws the signal's reason
 */
export const resultPieces = async (
  result: FormattedExecutionResult,
  { work, signal }: Making,
): Promise<readonly Buffer[]> => {
  const pieces: Buffer[] = [];
  let piece = '';
  for (const text of texts(Object.assign(Object.create(null), result))) {
    piece += text;
    if (piece.length < PIECE_CHARACTERS) continue;
    pieces.push(Buffer.from(piece));
    piece = '';
    const turn = work.step();
    if (turn !== null) await turn;
    signal.throwIfAborted();
  }
  pieces.push(Buffer.from(piece));
  return pieces;
};
