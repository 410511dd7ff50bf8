import { setImmediate as round } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { nextTurn, Turn } from '../../../src/async/turn.ts';

test('J8: clients get their turns in order', async () => {
  const served: number[] = [];
  const wait = async (name: number, again: boolean): Promise<void> => {
    await nextTurn();
    served.push(name);
    if (again) await wait(name + 100, false);
  };
  await Promise.all(Array.from({ length: 50 }, (_, name) => wait(name, true)));
  const names = Array.from({ length: 50 }, (_, name) => name);
  expect(served).toEqual([...names, ...names.map((name) => name + 100)]);
});

test('J8: other work of the event loop runs between the turns', async () => {
  const rounds: string[] = [];
  const busy = async (): Promise<void> => {
    for (let i = 0; i < 20; i += 1) {
      await nextTurn();
      const until = performance.now() + 3;
      while (performance.now() < until);
      rounds.push('turn');
    }
  };
  const live = async (): Promise<void> => {
    while (rounds.filter((name) => name === 'turn').length < 60) {
      await round();
      rounds.push('live');
    }
  };
  await Promise.all([busy(), busy(), busy(), live()]);
  // One turn is longer than the time that all turns share in one round, so two turns never run back to back.
  expect(rounds.join(' ')).not.toContain('turn turn turn');
});

test('J8: the turn of a socket ends when it has sent its share, and its next turn comes in the next round', async () => {
  const turn = new Turn();
  expect(turn.isOver(100_000)).toBe(false);
  expect(turn.isOver(100_000)).toBe(true);
  await round();
  await round();
  expect(turn.isOver(100_000)).toBe(false);
});
