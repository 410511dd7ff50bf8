/**
 * Structured records: one JSON object per line, with the members and in the order in which pino prints them. The message
 * begins with the head of a plain line (lines.ts), so that the load client counts and checks records as it does lines.
 *
 * Of 20 records one is an error with its stack, one a warning, four are debug and the rest info.
 */
import { createOutput } from '../../executor/output/output.ts';
import type { EventDraft } from '../../src/domain/events.ts';
import { HEAD_BYTES, LINE_BYTES, linesFrom, stampNow } from '../lines.ts';
import type { Feed, LogFeed } from './feed.ts';

/** Records with a number that is divisible by this are warnings or errors, and their message contains SLOW_TEXT. */
export const SLOW_EVERY = 10;
export const SLOW_TEXT = 'took too long';

type RecordDraft = Extract<EventDraft, { kind: 'LogLine' }>;

/** pino's numbers. */
const LEVELS = { debug: 20, info: 30, warn: 40, error: 50 } as const;

const levelOf = (number: number): keyof typeof LEVELS => {
  if (number % (2 * SLOW_EVERY) === 0) return 'error';
  if (number % SLOW_EVERY === 0) return 'warn';
  return number % 5 === 1 ? 'debug' : 'info';
};

const STACK = [
  'TimeoutError: no answer from the database within 5000 ms',
  '    at Timeout.expired (/app/node_modules/pg-pool/index.js:45:11)',
  '    at listOnTimeout (node:internal/timers:588:17)',
  '    at process.processTimers (node:internal/timers:523:7)',
  '    at async OrderStore.find (/app/src/orders/store.js:118:16)',
].join('\n');
const ERROR = { type: 'TimeoutError', message: 'no answer from the database within 5000 ms', stack: STACK };

/** A number from 0 to 2^32 that looks random, the same for each record in every run (the finalizer of MurmurHash3). */
const hash = (number: number): number => {
  let value = number + 1;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
};

/** What pino-http prints about a request, without the line break. `head` is the beginning of the message. */
const recordText = (number: number, head: string, time: number): string => {
  const level = levelOf(number);
  const isSlow = number % SLOW_EVERY === 0;
  const random = hash(number);
  return JSON.stringify({
    ...{ level: LEVELS[level], time, pid: 17, hostname: 'api-7f9c5d', name: 'api' },
    req: {
      id: random.toString(16).padStart(8, '0'),
      method: random % 3 === 0 ? 'POST' : 'GET',
      url: `/api/v1/orders/${random % 9973}`,
    },
    res: { statusCode: level === 'error' ? 503 : 200 },
    ...(level === 'error' ? { err: ERROR } : {}),
    responseTime: isSlow ? 5000 + (random % 500) : random % 100,
    msg: `${head} ${isSlow ? `request ${SLOW_TEXT}` : 'request completed'}`,
  });
};

const headsOf = (lines: Buffer, count: number): string[] =>
  Array.from({ length: count }, (_, i) => {
    const at = i * (LINE_BYTES + 1);
    return lines.toString('latin1', at, at + HEAD_BYTES);
  });

/** Records `first` to `first + count - 1` as a command prints them, each with its LF, all with the same time. */
export const recordsFrom = (first: number, count: number): Buffer => {
  const heads = headsOf(linesFrom(first, count, stampNow()), count);
  const now = Date.now();
  return Buffer.from(heads.map((head, i) => `${recordText(first + i, head, now)}\n`).join(''));
};

/** Number of different events. A multiple of 20, so that the mix of levels continues. */
const TEMPLATES = 8000;

/** What the output pipeline of the executor makes of such records, with messages that lack their head. */
const makeTemplates = (): RecordDraft[] => {
  const drafts: RecordDraft[] = [];
  const event = (draft: EventDraft): void => {
    if (draft.kind !== 'LogLine' || draft.stream !== 'LOGGER')
      throw new Error('the executor did not read a record as a record');
    drafts.push({ ...draft, message: draft.message.slice(HEAD_BYTES) });
  };
  const lines = (): void => {
    throw new Error('the executor read a record as a plain line');
  };
  const { stdout } = createOutput({ sink: { lines, event }, maxLineBytes: 65_536, secrets: [] });
  stdout.write(recordsFrom(0, TEMPLATES), Date.now());
  return drafts;
};

/**
 * Writes records instead of lines. They are not parsed again, so that the process of the bench is not the limit; the part
 * `parse` measures what parsing costs.
 */
export const recordFeed = (log: LogFeed): Feed => {
  const templates = makeTemplates();
  return {
    async write(text, count, first) {
      const timestamp = Date.now();
      const drafts = headsOf(text, count).flatMap((head, i) => {
        const template = templates[(first + i) % TEMPLATES];
        return template === undefined ? [] : { ...template, timestamp, message: head + template.message };
      });
      await log.writeEvents(drafts);
    },
  };
};

/** Writes plain lines; those with a number that is divisible by SLOW_EVERY contain SLOW_TEXT. */
export const slowLineFeed = (log: LogFeed): Feed => ({
  async write(text, count, first) {
    const skipped = (SLOW_EVERY - (first % SLOW_EVERY)) % SLOW_EVERY;
    for (let i = skipped; i < count; i += SLOW_EVERY) {
      text.write(SLOW_TEXT, i * (LINE_BYTES + 1) + HEAD_BYTES + 1, 'latin1');
    }
    await log.write(text, count);
  },
});
