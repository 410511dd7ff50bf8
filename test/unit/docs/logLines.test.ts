import { expect, test } from 'vitest';
import { RefusalLog } from '../../../src/http/gate.ts';
import { readDocument } from '../../support/documents.ts';

test('the documented log line about a refused origin is the line that the service writes', () => {
  const { text } = readDocument('docs/how-to/use-in-your-own-page.md');
  const [, shown = ''] = /```json\n([\s\S]*?)\n```/.exec(text) ?? [];
  const { level, msg, ...fields } = JSON.parse(shown) as Record<string, unknown>;
  const lines: unknown[] = [];
  const log = new RefusalLog({ warn: (...line: unknown[]) => lines.push(line) });
  log.note({ header: 'Origin', value: 'http://localhost:5173' });
  // pino's number for the level warn is 40.
  expect([level, lines]).toEqual([40, [[fields, msg]]]);
});
