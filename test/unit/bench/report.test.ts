import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Cost, limitOf } from '../../../bench/measure.ts';
import { PART_NAMES, readOptions, roundsOf, USAGE, UsageError } from '../../../bench/options.ts';
import { selfTimes } from '../../../bench/profile.ts';
import { isCounted } from '../../../bench/report/counted.ts';
import { plotFlood } from '../../../bench/report/plot.ts';
import { speedPageTexts } from '../../../bench/report/speedPage.ts';
import { shown, tableText } from '../../../bench/report/table.ts';
import { targetRows } from '../../../bench/report/targets.ts';
import { inRounds } from '../../../bench/rounds.ts';
import { startFlags } from '../../../bench/servers.ts';
import { median, medians, percentileMs } from '../../../bench/statistics.ts';

test('Medians and percentiles are correct.', () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
  expect(
    medians([
      { a: 1, b: 5 },
      { a: 3, b: 5 },
      { a: 2, b: 0 },
    ]),
  ).toEqual({ a: 2, b: 5 });
  // Steps of 20 µs: 98 lines in the first, one in the 50th, one in the 500th.
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

test('Ratios compare rows of one run, and a target without a measurement is marked.', () => {
  const rows = [
    { contender: 'A bare forwarder', viewers: 20, cpuMicrosPerLine: 5, linesPerSecond: 1 },
    { contender: 'B plain GraphQL', viewers: 20, cpuMicrosPerLine: 25, linesPerSecond: 1 },
    { contender: 'D runLogBatches', viewers: 20, cpuMicrosPerLine: 0.25, linesPerSecond: 1 },
  ];
  const shownTargets = targetRows({ flood: [rows] }, ['flood']);
  expect(shownTargets.map(({ figure, measured, met }) => [figure, measured, met])).toEqual([
    ['flood, 20 viewers: CPU per line, B / D', 100, 'yes'],
    ['flood, 100 viewers: CPU per line, B / D', '-', 'not measured'],
    ['flood, 20 viewers: CPU per line, A / D', 20, 'yes'],
    ['flood, 100 viewers: CPU per line, A / D', '-', 'not measured'],
    ['flood, 20 viewers: CPU per line, B / C', '-', 'not measured'],
    ['flood, 100 viewers: CPU per line, B / C', '-', 'not measured'],
    ['flood, 100 viewers: lines/s of D', '-', 'not measured'],
    ['flood, 1 viewer: lines/s of D', '-', 'not measured'],
  ]);
  // A failed part has no rows, but its targets are still shown.
  expect(targetRows({}, ['append']).map(({ met }) => met)).toEqual(['not measured', 'not measured']);
});

test('The rows of flood and rate that targets depend on are repeated.', () => {
  const rows = (part: 'flood' | 'rate') =>
    [1, 20, 100, 500].flatMap((viewers) =>
      ['A', 'B', 'C', 'D', 'E']
        .filter((letter) => isCounted(part, letter, viewers))
        .map((contender) => ({ contender, viewers, cpuMicrosPerLine: 1, linesPerSecond: 1, p50Ms: 1, p99Ms: 1 })),
    );
  const measured = (results: Record<string, ReturnType<typeof rows>[]>) =>
    targetRows(results, ['flood', 'rate']).filter(({ met }) => met !== 'not measured').length;
  const all = targetRows({}, ['flood', 'rate']).length;
  expect(measured({ flood: [rows('flood')], rate: [rows('rate')] })).toBe(all);
  for (const part of ['flood', 'rate'] as const) {
    for (const [i] of rows(part).entries()) {
      const less = { flood: [rows('flood')], rate: [rows('rate')], [part]: [rows(part).toSpliced(i, 1)] };
      expect(measured(less)).toBeLessThan(all);
    }
  }
});

test('Targets from the first measurement are marked, and a ratio is shown only if both of its parts ran.', () => {
  const structured = [
    [{ content: 'records', viewers: 20, cpuMicrosPerLine: 0.6 }],
    [{ content: 'records', viewers: 100, cpuMicrosPerLine: 9, p50Ms: 4 }],
    [{ content: 'records', lines: 200_000, cpuMicrosPerLine: 21 }],
  ];
  const flood = [[{ contender: 'D runLogBatches', viewers: 20, cpuMicrosPerLine: 0.15 }]];
  const found = (parts: readonly string[]) =>
    targetRows({ structured, flood }, parts)
      .filter(({ source }) => source !== 'project goal')
      .map(({ figure, measured, met, source }) => [figure, measured, met, source]);
  const source = 'first measurement, 2026-11-28';
  const alone = [
    ['records, 100 viewers, 2,500/s: p50 from the append, ms', 4, 'yes', source],
    ['records, replay, 1 viewer: CPU per record, µs', 21, 'NO', source],
  ];
  expect(found(['structured'])).toEqual(alone);
  expect(found(['flood', 'structured'])).toEqual([
    ['records, 20 viewers: CPU per record / per plain line of D', 4, 'yes', source],
    ...alone,
  ]);
});

test('A figure that just misses its target is shown as missed.', () => {
  const stalled = (kilobytesEach: number) =>
    targetRows({ stalled: [[{ kilobytesEach, slowerPercent: 6 }]] }, ['stalled']).map(({ met }) => met);
  expect([stalled(256), stalled(256.1)]).toEqual([
    ['yes', 'NO'],
    ['NO', 'NO'],
  ]);
});

test('The stated bottleneck is the client before the server, and the cores if the whole bench uses all of them.', () => {
  const calm = { clientCpuPercent: 50, serverCpuPercent: 70, redisCpuPercent: 5, writerCpuPercent: 20 };
  const cost = (changes: Partial<Cost>): Cost => ({
    ...calm,
    coresPercent: 70,
    othersPercent: 3,
    linesPerSecond: 1,
    cpuMicrosPerLine: 1,
    bytesPerLine: 1,
    residentMb: 1,
    ...changes,
  });
  expect(limitOf(cost({ clientCpuPercent: 97, serverCpuPercent: 99 }))).toBe('client');
  expect(limitOf(cost({ serverCpuPercent: 99, coresPercent: 95 }))).toBe('server');
  expect(limitOf(cost({ writerCpuPercent: 91 }))).toBe('writer');
  expect(limitOf(cost({ coresPercent: 92 }))).toBe('cores');
  expect(limitOf(cost({ othersPercent: 25 }))).toBe('others');
  expect(limitOf(cost({}))).toBe('none');
});

test('Measurements take turns, and each is made as often as it requires.', async () => {
  const order: string[] = [];
  const said: string[] = [];
  const cell = (name: string, rounds: number) => ({
    name,
    rounds,
    measure: () => Promise.resolve(order.push(name)),
  });
  expect(await inRounds([cell('a', 3), cell('b', 1), cell('c', 2)], (line) => said.push(line))).toEqual([
    [1, 4, 6],
    [2],
    [3, 5],
  ]);
  expect(order.join('')).toBe('abcaca');
  expect([said[0], said[1], said[5]]).toEqual(['1/6 a, sample 1 of 3', '2/6 b', '6/6 a, sample 3 of 3']);
});

test('A note is printed between the title and the table.', () => {
  expect(tableText({ title: 'T', note: 'N.', rows: [{ ab: 1 }] })).toBe('### T\n\nN.\n\n| ab |\n| -: |\n|  1 |\n');
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

| contender | CPU µs per line |  lines |
| --------- | --------------: | -----: |
| A         |           0.234 |        |
| B         |                 | 12,345 |
`,
  );
  expect([shown(Number.NaN), shown(123.4), shown(7)]).toEqual(['-', '123', '7']);
});

test('The plot is one SVG that names every contender, and both axes with their units.', () => {
  const rows = ['A one', 'D two'].map((contender) => ({ contender, viewers: 20, cpuMicrosPerLine: 1.5 }));
  const svg = plotFlood(rows);
  expect(svg).toMatch(/^<svg .*<\/svg>$/s);
  for (const text of ['A one', 'D two', 'CPU µs per line delivered', 'viewers of the same run']) {
    expect(svg).toContain(`>${text}</text>`);
  }
  // Well-formed: each tag has a name and attributes, whose values contain no quote.
  const texts = svg
    .replaceAll(/<!\[CDATA\[.*?\]\]>/gs, '')
    .replaceAll(/<\/?[a-zA-Z]+(\s+[\w:-]+="[^"<]*")*\s*\/?>/g, '');
  expect(texts).not.toMatch(/[<>"]/);
});

test('docs/explanation/speed.md shows the results of docs/bench.', () => {
  const { present, expected } = speedPageTexts();
  expect(present).toBe(expected);
  expect(present).toContain('](../bench/flood.svg)');
});

test('A profile is summed by function, within the window and without idle time.', () => {
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

test('Invalid options are refused.', () => {
  expect(readOptions(['--only', 'flood', '--viewers', '1,20']).viewers).toEqual([1, 20]);
  expect(() => readOptions(['--viewers', '0'])).toThrow('"0" is not a count');
  expect(() => readOptions(['--seconds', 'x'])).toThrow('"x" is not a length of time');
  expect(() => readOptions(['--contenders', 'AZ'])).toThrow('"AZ" is not valid. Use letters of ABCDE.');
  expect(() => readOptions(['--only', 'flood,flod'])).toThrow('no such part: flod. The parts are flood, rate');
  expect(() => readOptions(['--viewer', '1'])).toThrow(/^Unknown option '--viewer'$/);
  expect(() => readOptions(['flood'])).toThrow(UsageError);
  expect([roundsOf({ repeat: null }, true), roundsOf({ repeat: null }, false), roundsOf({ repeat: 5 }, false)]).toEqual(
    [3, 1, 5],
  );
});

test('The help names every option and every part.', () => {
  const { profile: _profile, help: _help, ...named } = readOptions([]);
  for (const name of [...Object.keys(named), 'profile', 'help']) expect(USAGE).toContain(`--${name}`);
  for (const part of PART_NAMES) expect(USAGE).toContain(part);
});

test('The service is measured with the flags of npm start.', () => {
  const { scripts } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  expect(`exec node ${startFlags().join(' ')} src/main.ts`).toBe(scripts.start);
});
