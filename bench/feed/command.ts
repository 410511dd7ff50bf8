/**
 * The command of a run: once a file exists, prints lines at a fixed rate, each with the time of its writing.
 * Arguments: lines per second, number of lines, path of the file.
 */
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { linesFrom, stampNow } from '../lines.ts';

const [rate = 0, lines = 0] = process.argv.slice(2).map(Number);
const go = process.argv[4] ?? '';
const LOOK_MS = 5;

while (!existsSync(go)) await delay(LOOK_MS);
const started = performance.now();
let written = 0;
const timer = setInterval(() => {
  const due = Math.min(Math.floor(((performance.now() - started) * rate) / 1000), lines) - written;
  if (due > 0) process.stdout.write(linesFrom(written + 1, due, stampNow()));
  written += Math.max(due, 0);
  if (written >= lines) clearInterval(timer);
}, 1);
