/** A command of a run: prints so many lines a second, each stamped as it is written. Arguments: rate, lines, ms to wait. */
import { linesFrom, stampNow } from '../lines.ts';

const [rate = 0, lines = 0, waitMs = 0] = process.argv.slice(2).map(Number);

setTimeout(() => {
  const started = performance.now();
  let written = 0;
  const timer = setInterval(() => {
    const due = Math.min(Math.floor(((performance.now() - started) * rate) / 1000), lines) - written;
    if (due > 0) process.stdout.write(linesFrom(written + 1, due, stampNow()));
    written += Math.max(due, 0);
    if (written >= lines) clearInterval(timer);
  }, 1);
}, waitMs);
