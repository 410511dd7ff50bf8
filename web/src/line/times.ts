/** The time of a row, as the reader wants it. */
import { formatClock } from '../look/humanText.ts';
import type { TimeMode } from '../look/settings.ts';

const signed = (ms: number): string => `${ms < 0 ? '-' : '+'}${(Math.abs(ms) / 1000).toFixed(3)}`;

/** @param since start of the run, or the time of the line before */
export const timeText = (mode: TimeMode, timestamp: string, since: string | null): string => {
  switch (mode) {
    case 'off':
      return '';
    case 'local':
      return formatClock(timestamp);
    case 'utc':
      return timestamp.slice(11, 23);
    case 'start':
    case 'before':
      return since === null ? '' : signed(Date.parse(timestamp) - Date.parse(since));
  }
};
export const TIME_NAMES: Readonly<Record<TimeMode, string>> = {
  off: 'No times',
  local: 'Local time',
  utc: 'UTC',
  start: 'Since start',
  before: 'Since line before',
};
