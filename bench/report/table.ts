/** Results as text, in the format of Markdown, so that the same goes to a terminal and into a README. */
import type { Row, Section } from '../parts/part.ts';

/** Three digits that count, and thousands apart. */
export const shown = (value: string | number): string => {
  if (typeof value === 'string') return value;
  if (!Number.isFinite(value)) return '-';
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString('en-US');
  if (size >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return value.toPrecision(3);
};

/** `cpuMicrosPerLine` becomes `cpu µs per line`. */
const headline = (name: string): string =>
  name
    .replaceAll(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`)
    .replace('micros', 'µs')
    .replace('percent', '%');

export const tableText = ({ title, rows }: Section): string => {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = [names.map(headline), ...rows.map((row) => names.map((name) => cell(row, name)))];
  const widths = names.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row, i) => {
    const padded = row.map((text, column) => {
      const width = widths[column] ?? 0;
      return i > 0 && typeof rows[i - 1]?.[names[column] ?? ''] === 'number'
        ? text.padStart(width)
        : text.padEnd(width);
    });
    return `| ${padded.join(' | ')} |`;
  });
  lines.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
  return `### ${title}\n\n${lines.join('\n')}\n`;
};

const cell = (row: Row, name: string): string => {
  const value = row[name];
  return value === undefined ? '' : shown(value);
};
