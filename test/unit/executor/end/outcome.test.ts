import { expect, test } from 'vitest';
import { endOf, type Outcome } from '../../../../executor/end/outcome.ts';

const exited = (more: Partial<Outcome> = {}): Outcome => ({
  at: 1000,
  stopCause: null,
  exit: { code: 0, signal: null },
  notStarted: null,
  outOfMemory: false,
  ...more,
});
const run = { timeoutSeconds: 2 };
const cancelAt = (at: number) => ({ at, reason: 'enough', force: false });
const reasonOf = (outcome: Outcome) => endOf(outcome, null, run, 'd').failure?.reason ?? null;

test('W6a: a cancel up to the exit of the command decides the end, a later one does not', () => {
  expect(endOf(exited(), cancelAt(999), run, 'd')).toMatchObject({
    status: 'CANCELLED',
    cancelReason: 'enough',
    exitCode: 0,
  });
  expect(endOf(exited(), cancelAt(1000), run, 'd').status).toBe('CANCELLED');
  expect(endOf(exited(), cancelAt(1001), run, 'd').status).toBe('COMPLETED');
});

test('W6a: a cancel that the executor knew of before the exit decides the end, whatever the clocks say', () => {
  expect(endOf(exited({ cancelFirst: true }), cancelAt(1003), run, 'd').status).toBe('CANCELLED');
  const unstarted = exited({ cancelFirst: true, exit: null });
  expect(endOf(unstarted, cancelAt(1003), run, 'd').status).toBe('CANCELLED');
  expect(endOf(exited({ cancelFirst: true }), null, run, 'd').status).toBe('COMPLETED');
});

test('a timeout before the cancel stays a timeout, even if the command then exits with 0', () => {
  expect(endOf(exited({ stopCause: 'timeout' }), cancelAt(1001), run, 'd').failure).toMatchObject({
    reason: 'TIMEOUT',
  });
  expect(endOf(exited({ stopCause: 'timeout' }), cancelAt(999), run, 'd').status).toBe('CANCELLED');
});

test.each([
  ['exit 0', exited(), null],
  ['exit 7', exited({ exit: { code: 7, signal: null } }), 'NONZERO_EXIT'],
  ['SIGSEGV', exited({ exit: { code: null, signal: 'SIGSEGV' } }), 'SIGNALLED'],
  ['a signal without a name', exited({ exit: { code: null, signal: null } }), 'SIGNALLED'],
  [
    'a signal without a name and a kill for memory',
    exited({ exit: { code: null, signal: null }, outOfMemory: true }),
    'SIGNALLED',
  ],
  ['SIGKILL', exited({ exit: { code: null, signal: 'SIGKILL' } }), 'SIGNALLED'],
  ['SIGKILL for memory', exited({ exit: { code: null, signal: 'SIGKILL' }, outOfMemory: true }), 'OUT_OF_MEMORY'],
  [
    'exit 137 of a shell after a kill for memory',
    exited({ exit: { code: 137, signal: null }, outOfMemory: true }),
    'OUT_OF_MEMORY',
  ],
  [
    'SIGSEGV after a kill for memory',
    exited({ exit: { code: null, signal: 'SIGSEGV' }, outOfMemory: true }),
    'SIGNALLED',
  ],
  ['exit 0 after a kill for memory', exited({ outOfMemory: true }), null],
  ['a stop from outside', exited({ stopCause: 'stop' }), 'SIGNALLED'],
  ['no start', exited({ exit: null, notStarted: 'The command "x" was not found.' }), 'COMMAND_NOT_STARTED'],
] as const)('%s is reported as %s', (_what, outcome, reason) => {
  expect(reasonOf(outcome)).toBe(reason);
});
