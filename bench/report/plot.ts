/** The flood as a picture: what a delivered line costs each server, by the number of viewers. */
import { init } from 'echarts';
import type { Row } from '../parts/part.ts';

const WIDTH = 860;
const HEIGHT = 420;

/** An SVG by echarts; `rows` are those of the flood. */
export const plotFlood = (rows: readonly Row[]): string => {
  const contenders = [...new Set(rows.map((row) => String(row.contender)))];
  const viewers = [...new Set(rows.map((row) => Number(row.viewers)))];
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: { text: 'Server CPU per line delivered, in a flood (µs, lower is better)', left: 16, top: 12 },
    legend: { top: 44 },
    grid: { left: 72, right: 24, top: 88, bottom: 48 },
    xAxis: { type: 'category', name: 'viewers', nameLocation: 'middle', nameGap: 30, data: viewers.map(String) },
    yAxis: { type: 'log', name: 'µs per line', min: 0.01 },
    series: contenders.map((contender) => ({
      name: contender,
      type: 'bar',
      label: {
        show: true,
        position: 'top',
        fontSize: 10,
        formatter: ({ value }: { value: unknown }) => labelOf(value),
      },
      data: viewers.map((count) => {
        const row = rows.find((one) => one.contender === contender && one.viewers === count);
        return typeof row?.cpuMicrosPerLine === 'number' ? Number(row.cpuMicrosPerLine.toPrecision(3)) : '-';
      }),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
};

const labelOf = (value: unknown): string => (typeof value === 'number' ? value.toPrecision(2) : '');
