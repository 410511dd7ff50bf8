/** A server and its viewers over some seconds: what was delivered and what it cost. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Load } from './load/load.ts';
import { cpuMicros, residentMb } from './process.ts';
import { medians } from './statistics.ts';

export interface Cost extends Record<string, number> {
  /** Delivered to all viewers together. */
  readonly linesPerSecond: number;
  /** Of the server, per line delivered. */
  readonly cpuMicrosPerLine: number;
  readonly serverCpuPercent: number;
  /** Of the busiest worker; near 100 the client is the limit. */
  readonly clientCpuPercent: number;
  readonly bytesPerLine: number;
  readonly residentMb: number;
}

const SLICES = 3;

/** Looks at a server with the process id `pid` for so long, in slices, and gives their medians. */
export const measureCost = async (pid: number, load: Load, seconds: number): Promise<Cost> => {
  const look = async () => ({ at: performance.now(), cpu: cpuMicros(pid), ...(await load.count()) });
  const slices: Cost[] = [];
  let before = await look();
  for (let slice = 0; slice < SLICES; slice += 1) {
    await delay((seconds * 1000) / SLICES);
    await load.until(() => true);
    const now = await look();
    const lines = now.lines - before.lines;
    const micros = (now.at - before.at) * 1000;
    const clients = now.workerMicros.map((busy, i) => busy - (before.workerMicros[i] ?? 0));
    slices.push({
      linesPerSecond: (lines * 1e6) / micros,
      cpuMicrosPerLine: (now.cpu - before.cpu) / lines,
      serverCpuPercent: (100 * (now.cpu - before.cpu)) / micros,
      clientCpuPercent: (100 * Math.max(...clients)) / micros,
      bytesPerLine: (now.bytes - before.bytes) / lines,
      residentMb: residentMb(pid),
    });
    before = now;
  }
  return medians(slices);
};
