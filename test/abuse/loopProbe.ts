/**
 * Loaded into the service (--import): notes how long it works in one go, in CPU time of its main thread, so that other
 * processes of the machine have no part in it. A line for each quarter of a second: when, and the longest, ms.
 */
import { appendFileSync } from 'node:fs';

const TICK_MS = 2;
const WRITE_MS = 250;

/** Executors and helpers inherit the option. */
const file = process.argv[1]?.endsWith('src/main.ts') === true ? process.env.LOOP_FILE : undefined;
if (file !== undefined) {
  const used = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let before = used();
  let longest = 0;
  let written = performance.now();
  setInterval(() => {
    const now = used();
    longest = Math.max(longest, now - before);
    before = now;
    if (performance.now() - written < WRITE_MS) return;
    appendFileSync(file, `${Date.now()} ${longest.toFixed(1)}\n`);
    longest = 0;
    written = performance.now();
    before = used();
  }, TICK_MS).unref();
}
