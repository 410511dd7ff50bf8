/** Watches a server and its viewers for some seconds: what was delivered, what it cost, and what was the limit. */
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Load } from './load/load.ts';
import { cpuMicros, machineMicros, residentMb } from './process.ts';
import { medians } from './statistics.ts';

export interface Cost extends Record<string, number> {
  /** Delivered to all viewers together. */
  readonly linesPerSecond: number;
  /** Of the server, per line delivered. */
  readonly cpuMicrosPerLine: number;
  readonly serverCpuPercent: number;
  /** Of the busiest process of the load client; near 100 the client is the limit. */
  readonly clientCpuPercent: number;
  readonly redisCpuPercent: number;
  /** Of the bench's own process, which writes the lines. */
  readonly writerCpuPercent: number;
  /** All of these together, percent of all cores; near 100 the machine is the limit. */
  readonly coresPercent: number;
  /** Of processes outside the bench, percent of all cores. */
  readonly othersPercent: number;
  readonly bytesPerLine: number;
  readonly residentMb: number;
}

export interface Watched {
  /** Process ids. */
  readonly server: number;
  readonly redis: number;
  readonly load: Load;
}

const SLICES = 3;

/** Measures for so long, in slices, and returns the medians of the slices. @throws LineLost */
export const measureCost = async ({ server, redis, load }: Watched, seconds: number): Promise<Cost> => {
  const look = async () => ({
    ...(await load.count()),
    at: performance.now(),
    server: cpuMicros(server),
    redis: cpuMicros(redis),
    writer: cpuMicros(process.pid),
    machine: machineMicros().used,
  });
  const slices: Cost[] = [];
  let before = await look();
  for (let slice = 0; slice < SLICES; slice += 1) {
    await delay((seconds * 1000) / SLICES);
    await load.until(() => true);
    const now = await look();
    const lines = now.lines - before.lines;
    const micros = (now.at - before.at) * 1000;
    const clients = now.workerMicros.map((busy, i) => busy - (before.workerMicros[i] ?? 0));
    const used = {
      server: now.server - before.server,
      redis: now.redis - before.redis,
      writer: now.writer - before.writer,
      clients: clients.reduce((sum, client) => sum + client, 0),
    };
    const all = micros * availableParallelism();
    const ours = used.server + used.redis + used.writer + used.clients;
    slices.push({
      linesPerSecond: (lines * 1e6) / micros,
      cpuMicrosPerLine: used.server / lines,
      serverCpuPercent: (100 * used.server) / micros,
      clientCpuPercent: (100 * Math.max(...clients)) / micros,
      redisCpuPercent: (100 * used.redis) / micros,
      writerCpuPercent: (100 * used.writer) / micros,
      coresPercent: (100 * ours) / all,
      othersPercent: (100 * Math.max(now.machine - before.machine - ours, 0)) / all,
      bytesPerLine: (now.bytes - before.bytes) / lines,
      residentMb: residentMb(server),
    });
    before = now;
  }
  return medians(slices);
};

/** What uses at least this much is the limit, percent. */
const BUSY_PERCENT = 90;

/** What had no CPU time left. The client comes first, because then the figure is not the limit of the server. */
export const limitOf = (cost: Cost): 'client' | 'server' | 'redis' | 'writer' | 'cores' | 'others' | 'none' => {
  if (cost.clientCpuPercent >= BUSY_PERCENT) return 'client';
  if (cost.serverCpuPercent >= BUSY_PERCENT) return 'server';
  if (cost.redisCpuPercent >= BUSY_PERCENT) return 'redis';
  if (cost.writerCpuPercent >= BUSY_PERCENT) return 'writer';
  if (cost.coresPercent >= BUSY_PERCENT) return 'cores';
  return cost.coresPercent + cost.othersPercent >= BUSY_PERCENT ? 'others' : 'none';
};

/** The compiler needs about the first second of a server's CPU time. */
const WARM_CPU_MICROS = 800_000;
const WARM_MS = 8000;
const LOOK_MS = 20;

/** Resolves when the server has used so much CPU time that its code is compiled; a busy machine takes longer. */
export const untilCompiled = async (server: number, load: Load): Promise<void> => {
  const before = cpuMicros(server);
  const deadline = performance.now() + WARM_MS;
  while (cpuMicros(server) - before < WARM_CPU_MICROS && performance.now() < deadline) {
    await delay(LOOK_MS);
    await load.until(() => true);
  }
};
