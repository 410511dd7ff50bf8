import { expect, test } from 'vitest';
import { EMPTY, inputOf } from '../../../web/src/runs/startFields.ts';

test('the form becomes the input of startRun', () => {
  const fields = {
    ...EMPTY,
    command: 'echo hi',
    name: 'n',
    image: 'alpine',
    env: 'A=1\nB=x=y',
    secrets: 'S= s ',
    labels: 'team=web',
    input: '{"a":[1]}',
    timeoutSeconds: '60',
    memoryMb: '256',
    maxAttempts: '3',
  };
  expect(inputOf(fields)).toEqual({
    command: ['sh', '-c', 'echo hi'],
    name: 'n',
    image: 'alpine',
    env: [
      { name: 'A', value: '1', secret: false },
      { name: 'B', value: 'x=y', secret: false },
      { name: 'S', value: ' s ', secret: true },
    ],
    labels: [{ name: 'team', value: 'web' }],
    input: { a: [1] },
    timeoutSeconds: 60,
    resources: { memoryMb: 256, cpus: null },
    retry: { maxAttempts: 3 },
  });
  expect(inputOf({ ...EMPTY, shell: false, command: 'node\n-e\nlog(1)' })).toEqual({
    command: ['node', '-e', 'log(1)'],
  });
});

test.each([
  ['env', { env: 'novalue' }, /NAME=value/],
  ['input', { input: '{' }, /not JSON/],
  ['cpus', { cpus: 'two' }, /not a number/],
])('a mistake in %s is told beside its field', (field, part, message) => {
  expect(() => inputOf({ ...EMPTY, ...part })).toThrow(message);
  expect(() => inputOf({ ...EMPTY, ...part })).toThrow(expect.objectContaining({ field }));
});
