/** Tables in Markdown, for the terminal and for files. */
import type { Row, Section } from '../parts/part.ts';

/** Three significant digits; thousands are separated. */
export const shown = (value: string | number): string => {
  if (typeof value === 'string') return value;
  if (!Number.isFinite(value)) return '-';
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString('en-US');
  if (size >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return value.toPrecision(3);
};

/** `cpuMicrosPerLine` becomes `CPU µs per line`. */
const headline = (name: string): string =>
  name
    .replaceAll(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`)
    .replace('micros', 'µs')
    .replace('percent', '%')
    .replace(/\bcpu\b/, 'CPU')
    .replace(/\bmb\b/, 'MB')
    .replace(/^redis\b/, 'Redis');

/** The table alone. */
export const tableOf = (rows: readonly Row[]): string => {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = [names.map(headline), ...rows.map((row) => names.map((name) => cell(row, name)))];
  const widths = names.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const right = names.map((name) => isOfNumbers(rows, name));
  const lines = cells.map((row) => {
    const padded = row.map((text, column) =>
      right[column] ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0),
    );
    return `| ${padded.join(' | ')} |`;
  });
  const rule = widths.map((width, column) => (right[column] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  lines.splice(1, 0, `| ${rule.join(' | ')} |`);
  return `${lines.join('\n')}\n`;
};

/** With its title and its note. */
export const tableText = ({ title, note, rows }: Section): string =>
  [`### ${title}`, ...(note === undefined ? [] : [note]), tableOf(rows)].join('\n\n');

const isOfNumbers = (rows: readonly Row[], name: string): boolean => {
  const values = rows.flatMap((row) => row[name] ?? []);
  return (
    values.some((value) => typeof value === 'number') &&
    values.every((value) => value === '' || typeof value === 'number')
  );
};

const cell = (row: Row, name: string): string => {
  const value = row[name];
  return value === undefined ? '' : shown(value);
};
