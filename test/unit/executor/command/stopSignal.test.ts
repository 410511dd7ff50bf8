import { expect, test } from 'vitest';
import { parseStopSignal } from '../../../../executor/command/stopSignal.ts';

test.each([
  ['SIGTERM', 15],
  ['SIGQUIT', 3],
  ['quit', 3],
  ['SigInt', 2],
  ['USR1', 10],
  ['WINCH', 28],
  ['SIGCLD', 17],
  ['IOT', 6],
  ['9', 9],
  ['37', 37],
  ['064', 64],
  ['SIGRTMIN', 34],
  ['SIGRTMIN+3', 37],
  ['RTMIN+3', 37],
  ['rtmin+1', 35],
  ['SIGRTMAX', 64],
  ['SIGRTMAX-1', 63],
  ['RTMAX-30', 34],
  [' SIGHUP ', 1],
])('the stop signal %j of an image is signal %i', (text, number) => {
  expect(parseStopSignal(text)).toBe(number);
});

test.each([
  '',
  '0',
  '65',
  '-1',
  '1.5',
  '15x',
  'SIG',
  'SIGNOTHING',
  'SIGRTMIN+31',
  'SIGRTMAX-31',
  'SIGRTMIN-1',
  'toString',
])('an invalid stop signal %j becomes SIGTERM', (text) => {
  expect(parseStopSignal(text)).toBe(15);
});
