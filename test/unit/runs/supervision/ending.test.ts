import { expect, test } from 'vitest';
import { LaunchError } from '../../../../src/launchers/launcher.ts';
import { decideEnd, hasEnded, NO_EVIDENCE } from '../../../../src/runs/supervision/ending.ts';

const asked = { cancelRequestedAt: null, cancelReason: null, timeoutSeconds: 1 };
const cancelled = { ...asked, cancelRequestedAt: 5, cancelReason: 'enough' };
const exit = (more = {}) => ({ exitCode: null, signal: null, outOfMemory: false, ...more });

test('the failure of a lost executor states its exit code or signal, if known', () => {
  const lost = (more = {}) => decideEnd(asked, { ...NO_EVIDENCE, exit: exit(more) }).failure?.message;
  expect(lost({ exitCode: 137 })).toBe('The executor ended without writing the end of the attempt (exit code 137).');
  expect(lost({ signal: 'SIGKILL' })).toBe(
    'The executor ended without writing the end of the attempt (signal SIGKILL).',
  );
  expect(lost()).toBe('The executor ended without writing the end of the attempt.');
  expect(decideEnd(asked, NO_EVIDENCE)).toMatchObject({ status: 'FAILED', failure: { reason: 'EXECUTOR_LOST' } });
});

test('a passed timeout decides the end before a cancel, and a cancel before the way the executor ended', () => {
  const evidence = { ...NO_EVIDENCE, exit: exit({ outOfMemory: true }) };
  expect(decideEnd(cancelled, { ...evidence, timedOut: true }).failure).toMatchObject({
    reason: 'TIMEOUT',
    message: 'The timeout of 1 second passed.',
  });
  expect(decideEnd(cancelled, evidence)).toMatchObject({ status: 'CANCELLED', cancelReason: 'enough', failure: null });
  expect(decideEnd(asked, evidence).failure?.reason).toBe('OUT_OF_MEMORY');
  const launchError = new LaunchError('IMAGE_UNAVAILABLE', 'No such image.');
  expect(decideEnd(cancelled, { ...NO_EVIDENCE, launchError }).status).toBe('CANCELLED');
  expect(decideEnd(asked, { ...NO_EVIDENCE, launchError }).failure).toEqual({
    reason: 'IMAGE_UNAVAILABLE',
    message: 'No such image.',
    signal: null,
  });
});

test('an attempt has ended if the log is closed, or a later attempt is due or runs', () => {
  const run = { closed: false, status: 'RUNNING', nextAttempt: 1, attempt: 1 } as const;
  expect(hasEnded(run, 1)).toBe(false);
  expect(hasEnded({ ...run, closed: true }, 1)).toBe(true);
  expect(hasEnded({ ...run, status: 'PENDING', nextAttempt: 2 }, 1)).toBe(true);
  expect(hasEnded({ ...run, status: 'PENDING', nextAttempt: 2 }, 2)).toBe(false);
  expect(hasEnded({ ...run, attempt: 2 }, 1)).toBe(true);
});
