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

test('J8: turns leave time of the event loop to others between them', async () => {
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
  // Each turn takes longer than what they may have of one round together, so no two follow each other.
  expect(rounds.join(' ')).not.toContain('turn turn turn');
});

test('J8: a socket has its turn until it has sent its share, and the next turn in the next round', async () => {
  const turn = new Turn();
  expect(turn.isOver(100_000)).toBe(false);
  expect(turn.isOver(100_000)).toBe(true);
  await round();
  await round();
  expect(turn.isOver(100_000)).toBe(false);
});
