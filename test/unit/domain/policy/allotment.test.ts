/** 11.11: what a run gets that does not ask, and the most that it may ask for. */
import { expect, test } from 'vitest';
import { readConfig } from '../../../../src/config.ts';
import { type Allotment, allot, overMaximum } from '../../../../src/domain/policy/allotment.ts';

const ALL = { memory: true, cpus: true };
const asked = (memoryMb: number | null, cpus: number | null, timeoutSeconds: number | null = null) => ({
  resources: { memoryMb, cpus },
  timeoutSeconds,
});
const request = (...sizes: Parameters<typeof asked>) => ({ image: null, ...asked(...sizes) });
const bounds = (more: Record<string, string> = {}): Allotment => readConfig(more).allotment;

test('a run that does not ask gets 1024 MiB and 1 CPU, or what the operator says', () => {
  expect(allot(asked(null, null), bounds(), ALL)).toEqual(asked(1024, 1));
  const chosen = bounds({ DEFAULT_MEMORY_MB: '256', DEFAULT_CPUS: '0.5' });
  expect(allot(asked(null, null), chosen, ALL)).toEqual(asked(256, 0.5));
  expect(allot(asked(64, null), chosen, ALL)).toEqual(asked(64, 0.5));
  expect(allot(asked(100_000, 64, 7), bounds(), ALL)).toEqual(asked(100_000, 64, 7));
});

test('the default is never more than the maximum, and a timeout is there where there is a maximum', () => {
  const small = bounds({ MAX_MEMORY_MB: '128', MAX_CPUS: '0.25', MAX_TIMEOUT_SECONDS: '60' });
  expect(allot(asked(null, null), small, ALL)).toEqual(asked(128, 0.25, 60));
  expect(allot(asked(64, 0.1, 5), small, ALL)).toEqual(asked(64, 0.1, 5));
});

test('more than the maximum is refused with the bound, all of it at once', () => {
  const small = bounds({ MAX_MEMORY_MB: '128', MAX_CPUS: '0.25', MAX_TIMEOUT_SECONDS: '60' });
  expect(overMaximum(request(128, 0.25, 60), small)).toEqual([]);
  expect(overMaximum(request(null, null), small)).toEqual([]);
  const problems = overMaximum(request(129, 0.26, 61), small);
  expect(problems.map(({ argument }) => argument)).toEqual([
    'input.resources.memoryMb',
    'input.resources.cpus',
    'input.timeoutSeconds',
  ]);
  for (const [index, bound] of ['128', '0.25', '60'].entries()) expect(problems[index]?.message).toContain(bound);
});

test('what the launcher cannot hold is not claimed', () => {
  expect(allot(asked(64, 2), bounds(), { memory: false, cpus: true })).toEqual(asked(null, 2));
  expect(allot(asked(64, 2), bounds(), { memory: false, cpus: false })).toEqual(asked(null, null));
});

test('bounds that make no sense stop the start, each by its name', () => {
  const wrong = {
    DEFAULT_MEMORY_MB: '1',
    DEFAULT_CPUS: '0',
    MAX_MEMORY_MB: 'x',
    MAX_CPUS: '-1',
    MAX_TIMEOUT_SECONDS: '0',
  };
  expect(() => readConfig(wrong)).toThrow(
    expect.objectContaining({
      problems: Object.keys(wrong).map((variable) => expect.objectContaining({ variable })),
    }),
  );
});

test('an image that ALLOWED_IMAGES does not name is refused, and the default image is not', () => {
  const strict = bounds({ ALLOWED_IMAGES: 'alpine, registry.example/team/*' });
  const image = (name: string | null) => overMaximum({ ...request(null, null), image: name }, strict);
  expect([image(null), image('alpine:3'), image('registry.example/team/app')]).toEqual([[], [], []]);
  expect(image('evil')).toEqual([
    { argument: 'input.image', message: expect.stringContaining('alpine, registry.example/team/*') },
  ]);
  expect(overMaximum({ ...request(null, null), image: 'evil' }, bounds())).toEqual([]);
});
