import { expect, test } from 'vitest';
import { BadUserInput } from '../../../src/domain/errors.ts';
import { checkCancelReason, checkStartInput, type StartInput } from '../../../src/domain/startInput.ts';

const refusal = (more: Partial<StartInput>): string | null => {
  try {
    checkStartInput({ command: ['true'], ...more });
    return null;
  } catch (error) {
    if (!(error instanceof BadUserInput)) throw error;
    expect(error.message).not.toContain('s3cret');
    return error.argument;
  }
};
const env = (name: string, value = 's3cret') => ({ env: [{ name, value, secret: true }] });

test('a minimal input gets the defaults', () => {
  expect(checkStartInput({ command: ['true'] })).toEqual({
    spec: {
      name: null,
      image: null,
      command: ['true'],
      input: undefined,
      env: [],
      labels: [],
      timeoutSeconds: null,
      resources: { cpus: null, memoryMb: null },
      maxAttempts: 1,
      backoffSeconds: 1,
    },
    idempotencyKey: null,
  });
});

test('an input with all fields is taken unchanged', () => {
  const { spec, idempotencyKey } = checkStartInput({
    name: 'n',
    image: 'docker.io/library/busybox:1.36@sha256:abc',
    command: ['sh', '-c', '', 'ü'],
    input: null,
    env: [{ name: '_A1', value: '' }],
    labels: [{ name: 'a', value: '' }],
    timeoutSeconds: 1,
    resources: { cpus: 0.5, memoryMb: 64 },
    retry: { maxAttempts: 10, backoffSeconds: 0 },
    idempotencyKey: 'k',
  });
  expect(spec).toMatchObject({ input: null, env: [{ name: '_A1', value: '', secret: false }], backoffSeconds: 0 });
  expect(idempotencyKey).toBe('k');
});

test.each<[string, Partial<StartInput>]>([
  ['input.command', { command: [] }],
  ['input.command.0', { command: [''] }],
  ['input.command.1', { command: ['a', 'b\0'] }],
  ['input.command.1', { command: ['a', '\ud800'] }],
  ['input.command.0', { command: ['x'.repeat(64_001)] }],
  ['input.command', { command: ['x'.repeat(40_000), 'ü'.repeat(15_000)] }],
  ['input.image', { image: '' }],
  ['input.image', { image: 'no image' }],
  ['input.name', { name: 'x'.repeat(257) }],
  ['input.env.0.name', env('')],
  ['input.env.0.name', env('1A')],
  ['input.env.0.name', env('A-B')],
  ['input.env.0.name', env('A=B')],
  ['input.env.0.name', env('Ä')],
  ['input.env.0.name', env('RUN_ID')],
  ['input.env.0.name', env('RUN_INPUT')],
  ['input.env.0.value', env('A', 's3cret\0')],
  ['input.env.0.value', env('A', 's3cret'.repeat(20_000))],
  ['input.env.1.name', { env: [env('A').env[0], env('A').env[0]].flatMap((one) => one ?? []) }],
  ['input.env', { env: Array.from({ length: 501 }, (_, i) => ({ name: `A${i}`, value: '' })) }],
  ['input.env', { env: Array.from({ length: 4 }, (_, i) => ({ name: `A${i}`, value: 'x'.repeat(90_000) })) }],
  ['input.labels.0.name', { labels: [{ name: '', value: 'x' }] }],
  [
    'input.labels.1.name',
    {
      labels: [
        { name: 'a', value: 'x' },
        { name: 'a', value: 'y' },
      ],
    },
  ],
  ['input.labels.0.value', { labels: [{ name: 'a', value: 'x'.repeat(1025) }] }],
  ['input.input', { input: 'x'.repeat(98_304) }],
  ['input.input', { input: { a: ['\udfff'] } }],
  ['input.input', { input: JSON.parse(`${'['.repeat(20_000)}${']'.repeat(20_000)}`) }],
  ['input.timeoutSeconds', { timeoutSeconds: 0 }],
  ['input.timeoutSeconds', { timeoutSeconds: -5 }],
  ['input.timeoutSeconds', { timeoutSeconds: 2_147_483_647 }],
  ['input.resources.cpus', { resources: { cpus: 0 } }],
  ['input.resources.cpus', { resources: { cpus: 1e9 } }],
  ['input.resources.memoryMb', { resources: { memoryMb: -1 } }],
  ['input.resources.memoryMb', { resources: { memoryMb: 2_147_483_647 } }],
  ['input.retry.maxAttempts', { retry: { maxAttempts: 0 } }],
  ['input.retry.maxAttempts', { retry: { maxAttempts: 11 } }],
  ['input.retry.backoffSeconds', { retry: { maxAttempts: 2, backoffSeconds: -1 } }],
  ['input.idempotencyKey', { idempotencyKey: '' }],
  ['input.idempotencyKey', { idempotencyKey: 'x'.repeat(257) }],
])('%s is refused', (argument, more) => {
  expect(refusal(more)).toBe(argument);
});

test('a command of 64,000 bytes and an input of 96 KiB are accepted', () => {
  expect(refusal({ command: ['x'.repeat(64_000)] })).toBeNull();
  expect(refusal({ input: 'x'.repeat(98_302) })).toBeNull();
});

test('the reason of a cancel is optional, and its length is limited', () => {
  expect(checkCancelReason(undefined)).toBeNull();
  expect(checkCancelReason('')).toBeNull();
  expect(checkCancelReason('why')).toBe('why');
  expect(() => checkCancelReason('x'.repeat(1025))).toThrow(BadUserInput);
});
