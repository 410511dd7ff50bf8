import { expect, test } from 'vitest';
import { newRunId } from '../../../src/domain/ids.ts';
import { StoredEntry } from '../../../src/log/entry.ts';
import { KnownEntries } from '../../../src/log/knownEntries.ts';
import { encodeBatch } from '../../../src/wire/batchBuilder.ts';
import { line } from '../../support/log.ts';

const [runId, other] = [newRunId(), newRunId()];
const batch = (message: string, firstSeq: number): Buffer =>
  encodeBatch([{ ...line(message), timestamp: 1 } as ReturnType<typeof line>], firstSeq, 1);
const entry = (message: string, firstSeq = 1) => new StoredEntry(batch(message, firstSeq));

test('J3b: the same stored entry is always the same object, and a different entry never is', () => {
  const known = new KnownEntries();
  const first = known.of(runId, entry('a'));
  expect(known.of(runId, entry('a'))).toBe(first);
  expect(known.of(other, entry('a'))).not.toBe(first);
  expect(known.of(runId, entry('a', 2))).not.toBe(first);
  const replaced = known.of(runId, entry('b'));
  expect(replaced).not.toBe(first);
  expect(known.of(runId, entry('b'))).toBe(replaced);
});
