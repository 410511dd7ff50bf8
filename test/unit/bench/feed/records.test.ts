import { pino } from 'pino';
import { expect, test } from 'vitest';
import { recordsFrom, SLOW_EVERY, SLOW_TEXT } from '../../../../bench/feed/records.ts';
import { HEAD_BYTES, MARK } from '../../../../bench/lines.ts';
import { eventsOf } from '../../../support/output.ts';

const COUNT = 2000;

const printed = (): string[] => recordsFrom(0, COUNT).toString().trimEnd().split('\n');

const drafts = () =>
  eventsOf(recordsFrom(0, COUNT)).map((draft) => {
    if (draft.kind !== 'LogLine') throw new Error(`a record became ${draft.kind}`);
    return draft;
  });

test('A record has the same members as a line of pino, in the same order.', () => {
  let text = '';
  const logger = pino(
    { name: 'api' },
    {
      write: (line) => {
        text += line;
      },
    },
  );
  logger.error({ req: {}, res: {}, err: new Error('no'), responseTime: 1 }, 'request took too long');
  expect(Object.keys(JSON.parse(printed()[0] ?? '') as object)).toEqual(Object.keys(JSON.parse(text) as object));
});

test('The executor reads each line as a structured record, with fields, a mix of levels, and stacks.', () => {
  const levels = Map.groupBy(drafts(), ({ level }) => level);
  const shares = Object.fromEntries([...levels].map(([level, lines]) => [level, lines.length / COUNT]));
  expect(shares).toEqual({ ERROR: 0.05, WARNING: 0.05, DEBUG: 0.2, INFO: 0.7 });
  for (const { stream, logger, fields } of drafts()) {
    expect({ stream, logger, fields }).toMatchObject({ stream: 'LOGGER', logger: 'api', fields: { req: {}, res: {} } });
  }
  for (const { exception } of levels.get('ERROR') ?? []) expect(exception?.stack).toContain('\n    at ');
});

test('The filters of the bench select exactly the records whose number is divisible by 10.', () => {
  for (const [number, { level, message }] of drafts().entries()) {
    const isDue = number % SLOW_EVERY === 0;
    expect([level === 'WARNING' || level === 'ERROR', message.includes(SLOW_TEXT)]).toEqual([isDue, isDue]);
  }
});

test('Each record contains the mark once: at the start of its message, before its number and time stamp.', () => {
  for (const [number, record] of printed().entries()) {
    expect(record.split(String.fromCharCode(MARK))).toHaveLength(2);
    const { msg } = JSON.parse(record) as { readonly msg: string };
    expect(msg.slice(0, HEAD_BYTES)).toMatch(new RegExp(`^\\^${String(number).padStart(8, '0')} \\d{10}$`));
  }
});
