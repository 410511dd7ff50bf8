/** A plot of the flood: CPU per delivered line of each contender, by the number of viewers. */
import { init } from 'echarts';
import type { Row } from '../parts/part.ts';

const WIDTH = 900;
const HEIGHT = 480;
/** Rivals are grey. runloom has colours that colour-blind readers can tell apart (Okabe and Ito). Lines, not bars: a logarithmic axis has no zero. */
const COLOURS: Readonly<Record<string, string>> = {
  A: '#a3a8b0',
  B: '#5b616b',
  C: '#e69f00',
  D: '#0072b2',
  E: '#56b4e9',
};
const INK = '#1f2328';
const FAINT = '#d8dce1';
// No quotes: echarts writes it into an attribute without escaping.
const FONT = 'system-ui, sans-serif';

/** An SVG with a white background, legible on any page. `rows` are those of the flood. */
export const plotFlood = (rows: readonly Row[]): string => {
  const contenders = [...new Set(rows.map((row) => String(row.contender)))];
  const viewers = [...new Set(rows.map((row) => Number(row.viewers)))];
  const costs = rows.map((row) => Number(row.cpuMicrosPerLine)).filter((cost) => cost > 0);
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: FONT, color: INK },
    title: {
      text: 'What one delivered log line costs the server',
      subtext: 'CPU microseconds per line and viewer in a flood; logarithmic, lower is better',
      left: 20,
      top: 14,
      textStyle: { fontSize: 18, color: INK },
      subtextStyle: { fontSize: 13, color: '#57606a' },
    },
    legend: { top: 66, left: 16, itemGap: 18, textStyle: { fontSize: 13, color: INK } },
    grid: { left: 78, right: 24, top: 112, bottom: 60 },
    xAxis: {
      type: 'category',
      name: 'viewers of the same run',
      nameLocation: 'middle',
      nameGap: 34,
      nameTextStyle: { fontSize: 13, color: INK },
      axisLabel: { fontSize: 13, color: INK },
      axisLine: { lineStyle: { color: INK } },
      data: viewers.map(String),
    },
    yAxis: {
      type: 'log',
      name: 'CPU µs per line delivered',
      nameLocation: 'middle',
      nameGap: 52,
      nameTextStyle: { fontSize: 13, color: INK },
      axisLabel: { fontSize: 12, color: INK, formatter: (value: number) => String(value) },
      splitLine: { lineStyle: { color: FAINT } },
      // Whole decades, with space for the labels.
      min: 10 ** Math.floor(Math.log10(Math.min(...costs) * 0.7)),
      max: 10 ** Math.ceil(Math.log10(Math.max(...costs) * 1.4)),
    },
    series: contenders.map((contender) => ({
      name: contender,
      type: 'line',
      symbol: 'circle',
      symbolSize: 9,
      lineStyle: { width: 3 },
      color: COLOURS[contender.slice(0, 1)] ?? INK,
      label: {
        show: true,
        // The points of C, D and E are close to each other.
        position: contender.startsWith('D') ? 'bottom' : contender.startsWith('E') ? 'right' : 'top',
        distance: 6,
        fontSize: 11,
        color: INK,
        backgroundColor: '#ffffff',
        padding: 1,
        formatter: ({ value }: { value: unknown }) => labelOf(value),
      },
      data: viewers.map((count) => {
        const row = rows.find((one) => one.contender === contender && one.viewers === count);
        if (typeof row?.cpuMicrosPerLine !== 'number') return '-';
        return Number(row.cpuMicrosPerLine.toPrecision(3));
      }),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
};

/** Two significant digits, without an exponent: 130, 15, 3.4, 0.17. */
const labelOf = (value: unknown): string => (typeof value === 'number' ? String(Number(value.toPrecision(2))) : '');
