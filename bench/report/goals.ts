/** The goals of the project for plain lines. */
import { cpuRatio, figure, GOAL, type Measured, rowsOf, runloom, spread, type Target, where } from './target.ts';

type Make = (part: string, target: number, name: string, measured: Measured) => Target;
const atLeast: Make = (part, target, name, measured) => ({
  ...{ figure: name, parts: [part], bound: 'at least', target, source: GOAL, measured },
});
const atMost: Make = (part, target, name, measured) => ({ ...atLeast(part, target, name, measured), bound: 'at most' });

/** From the append to the log, and from a command's write, its executor included. */
const latency = (viewers: number, share: 'p50' | 'p99', target: number, name: string): readonly Target[] => [
  atMost('rate', target, `${name}: ${share} of D from the append, ms`, runloom('rate', viewers, `${share}Ms`)),
  atMost(
    'command',
    target,
    `${name}: ${share} of D from a command's write, ms`,
    runloom('command', viewers, `${share}Ms`),
  ),
];

export const GOALS: readonly Target[] = [
  atLeast('flood', 60, 'flood, 20 viewers: CPU per line, B / D', cpuRatio('flood', 'B', 'D', 20)),
  atLeast('flood', 150, 'flood, 100 viewers: CPU per line, B / D', cpuRatio('flood', 'B', 'D', 100)),
  atLeast('flood', 15, 'flood, 20 viewers: CPU per line, A / D', cpuRatio('flood', 'A', 'D', 20)),
  atLeast('flood', 40, 'flood, 100 viewers: CPU per line, A / D', cpuRatio('flood', 'A', 'D', 100)),
  atLeast('flood', 8, 'flood, 20 viewers: CPU per line, B / C', cpuRatio('flood', 'B', 'C', 20)),
  atLeast('flood', 8, 'flood, 100 viewers: CPU per line, B / C', cpuRatio('flood', 'B', 'C', 100)),
  atLeast('flood', 3_500_000, 'flood, 100 viewers: lines/s of D', runloom('flood', 100, 'linesPerSecond')),
  atLeast('flood', 500_000, 'flood, 1 viewer: lines/s of D', runloom('flood', 1, 'linesPerSecond')),
  atLeast('rate', 12, '100 viewers, 2,500 lines/s: CPU per line, B / D', cpuRatio('rate', 'B', 'D', 100)),
  ...latency(100, 'p50', 5, '100 viewers, 2,500 lines/s'),
  ...latency(100, 'p99', 15, '100 viewers, 2,500 lines/s'),
  ...latency(500, 'p99', 40, '500 viewers, 1,000 lines/s'),
  ...latency(1, 'p50', 3, '1 viewer, 20 lines/s'),
  atLeast('append', 1_000_000, 'one executor: lines/s', where('append', { secrets: 0 }, 'linesPerSecond')),
  atLeast('append', 500_000, 'one executor, 50 secrets: lines/s', where('append', { secrets: 50 }, 'linesPerSecond')),
  atLeast('replay', 600_000, 'replay, 1 viewer: lines/s of D', runloom('replay', 1, 'linesPerSecond')),
  atMost(
    'replay',
    19,
    'replay: reads of Redis, 20 viewers / 1 viewer',
    (results) => runloom('replay', 20, 'redisReads')(results) / runloom('replay', 1, 'redisReads')(results),
  ),
  atMost(
    'storage',
    45,
    'storage, 5 lines per batch: Redis bytes per line',
    where('storage', { linesPerBatch: 5 }, 'redisBytesPerLine'),
  ),
  atMost(
    'storage',
    30,
    'storage, 10 lines per batch: Redis bytes per line',
    where('storage', { linesPerBatch: 10 }, 'redisBytesPerLine'),
  ),
  atMost('storage', 15, 'storage, flood: Redis bytes per line', (results) =>
    figure(rowsOf(results, 'storage').at(-1), 'redisBytesPerLine'),
  ),
  atMost('stalled', 256, 'stalled viewers: memory of each, kB', where('stalled', {}, 'kilobytesEach')),
  atMost('stalled', 5, 'stalled viewers: slowdown of the others, %', where('stalled', {}, 'slowerPercent')),
  atMost('growth', 20, 'runs of 10,000 to 2,000,000 lines: spread of CPU per line, %', spread(0)),
  atMost('growth', 20, 'beside 10 to 1,000 idle runs: spread of CPU per line, %', spread(1)),
];
