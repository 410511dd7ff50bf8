import { expect, test } from 'vitest';
import { newRunId } from '../../../../src/domain/ids.ts';
import { Lingering } from '../../../../src/runs/supervision/lingering.ts';

test('there is room as soon as any executor is gone, even if the oldest stays', async () => {
  const lingering = new Lingering(1);
  const oldest = Promise.withResolvers<void>();
  const newest = Promise.withResolvers<void>();
  lingering.add(newRunId(), oldest.promise);
  lingering.add(newRunId(), newest.promise);
  let room = false;
  const waiting = lingering.untilRoom().then(() => {
    room = true;
  });
  await new Promise(setImmediate);
  expect(room).toBe(false);
  newest.resolve();
  await waiting;
  expect(room).toBe(true);
});
