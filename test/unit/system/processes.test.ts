import { expect, test } from 'vitest';
import { catchesSignal, listProcesses, parseEnviron, parseStat } from '../../../src/system/processes.ts';

const stat = (name: string, state: string, threads: number): string =>
  `7 (${name}) ${state} 1 5 4 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 ${threads} 0 12345 99 1`;

test('the state of a process is read for any process name', () => {
  const wanted = { pid: 7, parent: 1, group: 5, session: 4, started: '12345' };
  expect(parseStat(7, stat('sh', 'S', 1))).toEqual(wanted);
  expect(parseStat(7, stat('a) Z (b', 'R', 1))).toEqual(wanted);
});

test('a zombie has ended, unless other threads of the process still run', () => {
  expect(parseStat(7, stat('sh', 'Z', 0))).toBeNull();
  expect(parseStat(7, stat('sh', 'Z', 1))).toBeNull();
  expect(parseStat(7, stat('sh', 'X', 1))).toBeNull();
  expect(parseStat(7, stat('sh', 'Z', 3))).not.toBeNull();
});

test('lists this process as alive, and shows whether it catches a signal', () => {
  const own = listProcesses().find(({ pid }) => pid === process.pid);
  expect(own).toMatchObject({ parent: process.ppid });
  const listener = (): void => undefined;
  process.on('SIGUSR2', listener);
  expect(catchesSignal(process.pid, 12)).toBe(true);
  process.off('SIGUSR2', listener);
  expect(catchesSignal(process.pid, 12)).toBe(false);
});

test('an environment is parsed entry by entry', () => {
  expect(parseEnviron('A=1\0B=x=y\0EMPTY=\0broken\0=odd\0')).toEqual({ A: '1', B: 'x=y', EMPTY: '' });
});
