import { expect, test } from 'vitest';
import { readOptions } from '../../../bench/options.ts';
import { selfTimes } from '../../../bench/profile.ts';
import { plotFlood } from '../../../bench/report/plot.ts';
import { shown, tableText } from '../../../bench/report/table.ts';
import { verdicts } from '../../../bench/report/targets.ts';
import { median, medians, percentileMs } from '../../../bench/statistics.ts';

test('Medians and percentiles are of what was measured.', () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
  expect(
    medians([
      { a: 1, b: 5 },
      { a: 3, b: 5 },
      { a: 2, b: 0 },
    ]),
  ).toEqual({ a: 2, b: 5 });
  // Steps of 20 µs: 98 lines within the first, one in the 50th, one in the 500th.
  const histogram = [
    [0, 98],
    [49, 1],
    [499, 1],
  ] as const;
  expect([percentileMs(histogram, 0.5), percentileMs(histogram, 0.99), percentileMs(histogram, 1)]).toEqual([
    0.02, 1, 10,
  ]);
  expect(percentileMs([], 0.5)).toBeNaN();
});

test('Ratios are taken between the rows of one run, and what was not measured is not told.', () => {
  const rows = [
    { contender: 'A bare forwarder', viewers: 20, cpuMicrosPerLine: 5, linesPerSecond: 1 },
    { contender: 'B plain GraphQL', viewers: 20, cpuMicrosPerLine: 25, linesPerSecond: 1 },
    { contender: 'D runLogBatches', viewers: 20, cpuMicrosPerLine: 0.25, linesPerSecond: 1 },
  ];
  const told = verdicts({ flood: [rows] });
  expect(told.map(({ figure, measured, reached }) => [figure, measured, reached])).toEqual([
    ['D against B, CPU per line, 20 viewers', 100, 'yes'],
    ['D against A, 20 viewers', 20, 'yes'],
  ]);
});

test('The table is Markdown with all columns of all rows.', () => {
  expect(
    tableText({
      title: 'T',
      rows: [
        { contender: 'A', cpuMicrosPerLine: 0.2345 },
        { contender: 'B', lines: 12_345 },
      ],
    }),
  ).toBe(
    `### T

| contender | cpu µs per line | lines  |
| --------- | --------------- | ------ |
| A         |           0.234 |        |
| B         |                 | 12,345 |
`,
  );
  expect([shown(Number.NaN), shown(123.4), shown(7)]).toEqual(['-', '123', '7']);
});

test('The plot is one SVG that names every contender.', () => {
  const rows = ['A one', 'D two'].map((contender) => ({ contender, viewers: 20, cpuMicrosPerLine: 1.5 }));
  const svg = plotFlood(rows);
  expect(svg).toMatch(/^<svg .*<\/svg>$/s);
  expect(svg).toContain('A one');
  expect(svg).toContain('D two');
});

test('A profile is summed up by function, within the window and without idle time.', () => {
  const frame = (functionName: string) => ({ functionName, url: 'file:///there/src/log/hub.ts', lineNumber: 9 });
  const profile = {
    nodes: [
      { id: 1, callFrame: frame('pull') },
      { id: 2, callFrame: { ...frame('(idle)'), url: '' } },
    ],
    samples: [1, 2, 1, 1],
    timeDeltas: [10, 10, 10, 10],
    startTime: 100,
  };
  expect([...selfTimes(profile, 105, 135)]).toEqual([['pull src/log/hub.ts:10', 20]]);
});

test('Options that make no sense are refused.', () => {
  expect(readOptions(['--only', 'flood', '--viewers', '1,20']).viewers).toEqual([1, 20]);
  expect(() => readOptions(['--viewers', '0'])).toThrow('no count');
  expect(() => readOptions(['--seconds', 'x'])).toThrow('no length');
  expect(() => readOptions(['--contenders', 'AZ'])).toThrow('none of ABCDE');
});
