/** Numbers, times and durations in the reader's language. */
/** Made when it is first used: each of them takes some milliseconds, and a page needs few of them at first. */
const later = <T>(make: () => T): (() => T) => {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
};
const number = later(() => new Intl.NumberFormat());
const dateTime = later(() => new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' }));
const clock = later(
  () =>
    new Intl.DateTimeFormat(undefined, {
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      fractionalSecondDigits: 3,
    }),
);
const relative = later(() => new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' }));

export const formatNumber = (value: number): string => number().format(value);
export const formatDateTime = (instant: string): string => dateTime().format(new Date(instant));
export const formatClock = (instant: string): string => clock().format(new Date(instant));

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];
export const formatBytes = (bytes: number): string => {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = new Intl.NumberFormat(undefined, { maximumFractionDigits: power === 0 ? 0 : 1 });
  return `${value.format(bytes / 1000 ** power)} ${UNITS[power]}`;
};

/** Such as 0.42 s, 12.3 s, 3 min 05 s, 2 h 14 min. */
export const formatDuration = (ms: number): string => {
  const seconds = ms / 1000;
  if (seconds < 60) return `${number().format(Number(seconds.toFixed(seconds < 1 ? 2 : 1)))} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(Math.floor(seconds % 60)).padStart(2, '0')} s`;
  return `${number().format(Math.floor(minutes / 60))} h ${String(minutes % 60).padStart(2, '0')} min`;
};

/** Such as "5 minutes ago". */
export const formatAgo = (instant: string, now: number): string => {
  const seconds = Math.round((Date.parse(instant) - now) / 1000);
  const size = Math.abs(seconds);
  if (size < 60) return relative().format(seconds, 'second');
  if (size < 3600) return relative().format(Math.round(seconds / 60), 'minute');
  if (size < 86_400) return relative().format(Math.round(seconds / 3600), 'hour');
  return relative().format(Math.round(seconds / 86_400), 'day');
};
