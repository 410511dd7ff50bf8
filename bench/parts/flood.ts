/** Lines as fast as the slowest viewer takes them: what a line delivered costs the server. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Contender } from '../contenders.ts';
import { flood, warmUp } from '../feed/pace.ts';
import { Load } from '../load/load.ts';
import { cpuMicros, peakMb } from '../process.ts';
import type { ServerOptions } from '../servers.ts';
import { medians } from '../statistics.ts';

/** Lines of one batch of the executor's in a flood, about (a full pipe, 64 KiB). */
const BATCH = 640;
const WINDOW = 20_000;
/**
 * Messages that wait in a server which pushes, over all its viewers: a second or more of its work, so it is
 * never idle, and few enough that its pings are still answered in time.
 */
const PUSHED = 50_000;
const SLICES = 3;
const WARM_MS = 1000;
const COMPLETE_MS = 60_000;

export interface FloodOptions {
  readonly redis: Redis;
  readonly server: ServerOptions;
  readonly viewers: number;
  readonly workers: number;
  readonly seconds: number;
}

export interface FloodRow extends Record<string, number> {
  /** Delivered to all viewers together. */
  readonly linesPerSecond: number;
  /** Of the server, per line delivered. */
  readonly cpuMicrosPerLine: number;
  readonly serverCpuPercent: number;
  /** Of the busiest worker; near 100 the client is the limit. */
  readonly clientCpuPercent: number;
  readonly bytesPerLine: number;
  readonly peakMb: number;
}

/** @throws LineLost where a viewer has not got every line, in order, once */
export const measureFlood = async (contender: Contender, options: FloodOptions): Promise<FloodRow> => {
  const { redis, viewers, workers, seconds } = options;
  await using server = await contender.start(options.server);
  const { feed, target } = await contender.stage(redis);
  await using load = await Load.open({ target: target(server.port), viewers, workers, timed: false });
  await warmUp(feed, load);
  const window = contender.pushes ? Math.min(WINDOW, Math.ceil(PUSHED / viewers)) : WINDOW;
  const pace = flood(feed, load, { batch: BATCH, window });
  const slices: FloodRow[] = [];
  const look = async () => ({ at: performance.now(), cpu: cpuMicros(server.pid), ...(await load.count()) });
  await delay(WARM_MS);
  let before = await look();
  for (let slice = 0; slice < SLICES; slice += 1) {
    await delay((seconds * 1000) / SLICES);
    const now = await look();
    const lines = now.lines - before.lines;
    const micros = (now.at - before.at) * 1000;
    const clients = now.busiestMicros.map((busy, i) => busy - (before.busiestMicros[i] ?? 0));
    slices.push({
      linesPerSecond: (lines * 1e6) / micros,
      cpuMicrosPerLine: (now.cpu - before.cpu) / lines,
      serverCpuPercent: (100 * (now.cpu - before.cpu)) / micros,
      clientCpuPercent: (100 * Math.max(...clients)) / micros,
      bytesPerLine: (now.bytes - before.bytes) / lines,
      peakMb: peakMb(server.pid),
    });
    before = now;
  }
  await load.complete(await pace.stop(), COMPLETE_MS);
  return medians(slices);
};
