import { expect, test } from 'vitest';
import { custodyOf } from '../../../../src/runs/supervision/custody.ts';

const here = { engine: 'here', startsImage: (image: string | null) => image === null };
const starting = { status: 'STARTING', writer: 'supervisor:1' } as const;
const claimed = { status: 'STARTING', writer: 'executor:1' } as const;
const running = { status: 'RUNNING', writer: 'executor:1' } as const;

test('H1: a process supervises attempts of its own engine, and those of older versions, which name none', () => {
  for (const engine of ['here', null]) {
    for (const run of [starting, claimed, running]) expect(custodyOf({ ...run, engine }, null, here)).toBe('own');
  }
});

test('H1: it guards what an executor of another engine has claimed', () => {
  for (const run of [claimed, running]) expect(custodyOf({ ...run, engine: 'elsewhere' }, null, here)).toBe('guard');
});

test('H4: it starts what nobody has claimed, if its launcher can start the image', () => {
  expect(custodyOf({ ...starting, engine: 'elsewhere' }, null, here)).toBe('move');
  expect(custodyOf({ ...starting, engine: 'elsewhere' }, 'alpine:3', here)).toBe('guard');
});
