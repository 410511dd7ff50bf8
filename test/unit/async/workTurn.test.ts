import { expect, test } from 'vitest';
import { workTurn } from '../../../src/async/workTurn.ts';

test('clients take turns: a client with many requests delays only itself', async () => {
  const served: string[] = [];
  const ask = async (client: string): Promise<void> => {
    const turn = workTurn(client);
    if (turn !== null) await turn;
    served.push(client);
  };
  const all = [...Array.from({ length: 1000 }, () => ask('greedy')), ask('honest'), ask('other'), ask('honest')];
  await Promise.all(all);
  expect(served.filter((client) => client === 'greedy')).toHaveLength(1000);
  expect(served.lastIndexOf('honest')).toBeLessThan(20);
  expect(served.indexOf('other')).toBeLessThan(20);
});

test('a client with few requests does not wait', () => {
  expect(workTurn('somebody')).toBeNull();
});
