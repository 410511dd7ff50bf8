/** Memory, CPUs and timeout of a run: the defaults and the maximum. */
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

test('a run without resources gets 1024 MiB and 1 CPU, or the defaults that the operator sets', () => {
  expect(allot(asked(null, null), bounds(), ALL)).toEqual(asked(1024, 1));
  const chosen = bounds({ DEFAULT_MEMORY_MB: '256', DEFAULT_CPUS: '0.5' });
  expect(allot(asked(null, null), chosen, ALL)).toEqual(asked(256, 0.5));
  expect(allot(asked(64, null), chosen, ALL)).toEqual(asked(64, 0.5));
  expect(allot(asked(100_000, 64, 7), bounds(), ALL)).toEqual(asked(100_000, 64, 7));
});

test('the default never exceeds the maximum, and a maximum timeout is also the default', () => {
  const small = bounds({ MAX_MEMORY_MB: '128', MAX_CPUS: '0.25', MAX_TIMEOUT_SECONDS: '60' });
  expect(allot(asked(null, null), small, ALL)).toEqual(asked(128, 0.25, 60));
  expect(allot(asked(64, 0.1, 5), small, ALL)).toEqual(asked(64, 0.1, 5));
});

test('more than the maximum is refused: all problems at once, each with its maximum', () => {
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

test('a resource that the launcher cannot limit is null', () => {
  expect(allot(asked(64, 2), bounds(), { memory: false, cpus: true })).toEqual(asked(null, 2));
  expect(allot(asked(64, 2), bounds(), { memory: false, cpus: false })).toEqual(asked(null, null));
});

test('invalid limits stop the start, and each variable is named', () => {
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

test('an image that ALLOWED_IMAGES does not allow is refused; the default image is always allowed', () => {
  const strict = bounds({ ALLOWED_IMAGES: 'alpine, registry.example/team/*' });
  const image = (name: string | null) => overMaximum({ ...request(null, null), image: name }, strict);
  expect([image(null), image('alpine:3'), image('registry.example/team/app')]).toEqual([[], [], []]);
  expect(image('evil')).toEqual([
    { argument: 'input.image', message: expect.stringContaining('alpine, registry.example/team/*') },
  ]);
  expect(overMaximum({ ...request(null, null), image: 'evil' }, bounds())).toEqual([]);
});
