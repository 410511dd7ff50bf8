import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { localZone, UTC, zoneOf } from '../../../../../executor/output/records/zone.ts';
import { eventsOf } from '../../../../support/output.ts';

const none = (): never => {
  throw new Error('the local zone was asked for');
};
const LONG_AGO = Date.parse('2001-01-01T00:00:00Z');
/** The instant, in UTC, at which clocks of the zone show this time. */
const instant = (tz: string, local: string, now = LONG_AGO): string =>
  new Date(zoneOf(tz, none).toInstant(Date.parse(`${local}Z`), now)).toISOString().replace('.000Z', 'Z');

test.for([
  ['America/New_York', '2026-11-27T12:04:50', '2026-11-27T17:04:50Z'],
  ['America/New_York', '2026-07-01T12:00:00', '2026-07-01T16:00:00Z'],
  [':America/New_York', '2026-07-01T12:00:00', '2026-07-01T16:00:00Z'],
  ['posix/Europe/Berlin', '2026-07-01T12:00:00', '2026-07-01T10:00:00Z'],
  ['/usr/share/zoneinfo/Europe/Berlin', '2026-07-01T12:00:00', '2026-07-01T10:00:00Z'],
  ['Asia/Kathmandu', '2026-07-01T12:00:00', '2026-07-01T06:15:00Z'],
  ['Etc/GMT+3', '2026-07-01T12:00:00', '2026-07-01T15:00:00Z'],
  ['UTC', '2026-07-01T12:00:00', '2026-07-01T12:00:00Z'],
  ['', '2026-07-01T12:00:00', '2026-07-01T12:00:00Z'],
  ['EST5EDT', '2026-07-01T12:00:00', '2026-07-01T16:00:00Z'],
  ['EST5', '2026-07-01T12:00:00', '2026-07-01T17:00:00Z'],
  ['UTC+3', '2026-07-01T12:00:00', '2026-07-01T15:00:00Z'],
  ['GMT-5:30', '2026-07-01T12:00:00', '2026-07-01T06:30:00Z'],
  ['<+0330>-3:30', '2026-07-01T12:00:00', '2026-07-01T08:30:00Z'],
  ['CET-1CEST,M3.5.0,M10.5.0/3', '2026-07-01T12:00:00', '2026-07-01T10:00:00Z'],
  ['CET-1CEST,M3.5.0,M10.5.0/3', '2026-12-01T12:00:00', '2026-12-01T11:00:00Z'],
  ['AEST-10AEDT,M10.1.0,M4.1.0/3', '2026-01-01T12:00:00', '2026-01-01T01:00:00Z'],
  ['AEST-10AEDT,M10.1.0,M4.1.0/3', '2026-07-01T12:00:00', '2026-07-01T02:00:00Z'],
  ['XXX0YYY,J60,J300', '2028-03-01T12:00:00', '2028-03-01T11:00:00Z'],
] as const)('TZ=%s reads %s as %s', ([tz, local, expected]) => {
  expect(instant(tz, local)).toBe(expected);
});

test.for([
  'Nowhere/Land',
  'europe/berlin',
  'PST',
  'IST',
  '+03:00',
  'Europe',
  'x',
  '5',
  'UTC+3x',
  '/etc/passwd',
  '../../etc/passwd',
  'M3.2.0',
])('TZ=%s is unknown and means UTC, as in libc', (tz) => {
  expect(zoneOf(tz, none)).toBe(UTC);
});

test('a local time that the clock skips is read with the previous offset', () => {
  expect(instant('America/New_York', '2026-03-08T02:30:00')).toBe('2026-03-08T07:30:00Z');
  expect(instant('America/New_York', '2026-03-08T01:59:59')).toBe('2026-03-08T06:59:59Z');
  expect(instant('America/New_York', '2026-03-08T03:00:00')).toBe('2026-03-08T07:00:00Z');
});

test('a local time that the clock shows twice means the instant nearer to now, or else the first', () => {
  const local = '2026-11-01T01:30:00';
  expect(instant('America/New_York', local)).toBe('2026-11-01T05:30:00Z');
  expect(instant('America/New_York', local, Date.parse('2026-11-01T05:30:01Z'))).toBe('2026-11-01T05:30:00Z');
  expect(instant('America/New_York', local, Date.parse('2026-11-01T06:30:01Z'))).toBe('2026-11-01T06:30:00Z');
  expect(instant('America/New_York', '2026-11-01T02:00:00')).toBe('2026-11-01T07:00:00Z');
});

test('gives the same instants as Date, at any time, in any zone', () => {
  const zones = [
    'America/New_York',
    'Europe/London',
    'Australia/Lord_Howe',
    'Asia/Tehran',
    'Pacific/Apia',
    'Africa/Casablanca',
  ];
  const local = fc.integer({ min: Date.parse('1980-01-01'), max: Date.parse('2037-12-31') });
  const locals = fc.sample(local, { numRuns: 100, seed: 7 });
  for (const tz of zones) {
    const zone = zoneOf(tz, none);
    const ours = locals.map((at) => zone.toInstant(at, LONG_AGO));
    const script = `const l=${JSON.stringify(locals)};console.log(JSON.stringify(l.map((t)=>{const d=new Date(t);return new Date(d.getUTCFullYear(),d.getUTCMonth(),d.getUTCDate(),d.getUTCHours(),d.getUTCMinutes(),d.getUTCSeconds(),d.getUTCMilliseconds()).getTime()})))`;
    const theirs = JSON.parse(
      execFileSync(process.execPath, ['-e', script], { env: { TZ: tz }, encoding: 'utf8' }),
    ) as number[];
    expect(ours, tz).toEqual(theirs);
  }
});

test('the local zone is that of /etc/localtime (a link or a compiled zone), or UTC without such a file', () => {
  const root = mkdtempSync(join(tmpdir(), 'zone-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const at = Date.parse('2026-07-01T12:00:00Z');
  const hours = (): number => (localZone(root).toInstant(at, LONG_AGO) - at) / 3_600_000;
  expect(hours()).toBe(0);
  mkdirSync(join(root, 'etc'));
  const path = join(root, 'etc/localtime');
  symlinkSync('/usr/share/zoneinfo/America/New_York', path);
  expect(hours()).toBe(4);
  rmSync(path);
  writeFileSync(path, 'TZif2\0…\nCET-1CEST,M3.5.0,M10.5.0/3\n');
  expect(hours()).toBe(-2);
  for (const content of ['', 'nonsense', '\n\n']) {
    writeFileSync(path, content);
    expect(hours()).toBe(0);
  }
  rmSync(path);
  symlinkSync('/dev/zero', path);
  expect(hours()).toBe(0);
});

test('the zone applies to records without an offset, and not to records with one', () => {
  const zone = zoneOf('America/New_York', none);
  const time = (text: string): string =>
    new Date(
      eventsOf(`{"levelname":"INFO","message":"a","asctime":"${text}"}`, { zone })[0]?.timestamp ?? 0,
    ).toISOString();
  expect(time('2026-11-27 12:04:50,670')).toBe('2026-11-27T17:04:50.670Z');
  expect(time('2026-11-27T12:04:50.670')).toBe('2026-11-27T17:04:50.670Z');
  expect(time('2026-11-27 12:04:50,670+0100')).toBe('2026-11-27T11:04:50.670Z');
  expect(time('2026-11-27T12:04:50.670Z')).toBe('2026-11-27T12:04:50.670Z');
});
