/**
 * The plain lines of the bench: 100 bytes of an ordinary access log. The first 20 bytes are a mark, the number of the
 * line and the time of its writing, so that a client can count, check and time lines by reading a few bytes of each:
 *
 *     ^00000042 1234567890 INFO  [worker-07] GET /api/v1/orders/482 answered 200 in 37 ms for tenant acme…
 */

/** Without the line break. */
export const LINE_BYTES = 100;
/** The mark "^": once per line, and nowhere else in what a server sends. */
export const MARK = 0x5e;
export const NUMBER_DIGITS = 8;
export const STAMP_DIGITS = 10;
/** From the mark to the last digit of the stamp. */
export const HEAD_BYTES = 1 + NUMBER_DIGITS + 1 + STAMP_DIGITS;
/** Stamps are microseconds and start again from 0 after 2.8 hours. */
export const STAMP_RANGE = 10 ** STAMP_DIGITS;

const ZERO = 0x30;
const SPACE = 0x20;
const TAIL_BYTES = LINE_BYTES - HEAD_BYTES - 1;
const TAILS = 8192;

/** Microseconds of the monotonic clock, which is the same in all processes of a machine. */
export const stampNow = (): number => Number((process.hrtime.bigint() / 1000n) % BigInt(STAMP_RANGE));

/** Random numbers below 2^32, the same in every run of the bench (mulberry32). */
const random = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return (value ^ (value >>> 14)) >>> 0;
  };
};

const pick = <T>(choices: readonly T[], number: number): T => choices[number % choices.length] as T;

const makeTails = (): Buffer[] => {
  const next = random(42);
  return Array.from({ length: TAILS }, () => {
    const level = pick(['INFO ', 'INFO ', 'INFO ', 'DEBUG', 'WARN '], next());
    const worker = String(next() % 16).padStart(2, '0');
    const verb = pick(['GET', 'GET', 'POST', 'PUT'], next());
    const noun = pick(['orders', 'users', 'items', 'invoices'], next());
    const status = pick([200, 200, 200, 201, 304, 404], next());
    const text = `${level} [worker-${worker}] ${verb} /api/v1/${noun}/${next() % 1000} answered ${status} in ${next() % 100} ms for tenant acme`;
    return Buffer.from(text.slice(0, TAIL_BYTES).padEnd(TAIL_BYTES, ' ok'), 'latin1');
  });
};
const tails = makeTails();

const writeDigits = (into: Buffer, at: number, value: number, digits: number): void => {
  let left = value;
  for (let i = at + digits - 1; i >= at; i -= 1) {
    const rest = Math.floor(left / 10);
    into[i] = ZERO + left - 10 * rest;
    left = rest;
  }
};

/** Lines `first` to `first + count - 1`, each with its LF, all with the same stamp. Lines with number 0 are for warming up. */
export const linesFrom = (first: number, count: number, stamp: number): Buffer => {
  const text = Buffer.allocUnsafe(count * (LINE_BYTES + 1));
  for (let i = 0; i < count; i += 1) {
    const at = i * (LINE_BYTES + 1);
    text[at] = MARK;
    writeDigits(text, at + 1, first + i, NUMBER_DIGITS);
    text[at + 1 + NUMBER_DIGITS] = SPACE;
    writeDigits(text, at + 2 + NUMBER_DIGITS, stamp, STAMP_DIGITS);
    text[at + HEAD_BYTES] = SPACE;
    tails[(first + i) % TAILS]?.copy(text, at + HEAD_BYTES + 1);
    text[at + LINE_BYTES] = 0x0a;
  }
  return text;
};

/** The lines of such a text, without line breaks. */
export const splitLines = (text: Buffer): string[] => text.toString('latin1', 0, text.length - 1).split('\n');
