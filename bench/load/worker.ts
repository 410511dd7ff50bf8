/** A process with viewers. It reports their progress, because a flood waits for the slowest viewer. */
import { STAMP_RANGE, stampNow } from '../lines.ts';
import { type Counted, type FromWorker, LATENCY_STEP_MICROS, type ToWorker } from './messages.ts';
import { LoadViewer } from './viewer.ts';

/** Between two reports of progress, ms. */
const REPORT_MS = 2;
/** Latencies up to 10 s; a longer one counts as 10 s. */
const LATENCY_STEPS = 10_000_000 / LATENCY_STEP_MICROS;

const viewers: LoadViewer[] = [];
const latencies = new Uint32Array(LATENCY_STEPS + 1);
let bytes = 0;
let now = 0;
let told = '';
let timed = false;

const tell = (message: FromWorker): void => {
  process.send?.(message);
};

const onStamp = (stamp: number): void => {
  if (now === 0) now = stampNow();
  const micros = (now - stamp + STAMP_RANGE) % STAMP_RANGE;
  const step = Math.min(Math.floor(micros / LATENCY_STEP_MICROS), LATENCY_STEPS);
  latencies[step] = (latencies[step] ?? 0) + 1;
};

const report = (): void => {
  let last = Number.POSITIVE_INFINITY;
  let warm = true;
  let fault: string | null = null;
  for (const { scanner } of viewers) {
    last = Math.min(last, scanner.last);
    warm &&= scanner.warm || scanner.lines > 0;
    fault ??= scanner.fault;
  }
  const text = `${last} ${warm} ${fault}`;
  if (text === told) return;
  told = text;
  tell({ kind: 'progress', last, warm, fault });
};

const counted = (): Counted => {
  const { user, system } = process.cpuUsage();
  const pairs: [number, number][] = [];
  for (let step = 0; timed && step < latencies.length; step += 1) {
    const count = latencies[step] ?? 0;
    if (count > 0) pairs.push([step, count]);
  }
  const lines = viewers.reduce((sum, { scanner }) => sum + scanner.lines, 0);
  return { kind: 'counted', lines, bytes, cpuMicros: user + system, latencies: pairs };
};

const open = async (message: ToWorker & { kind: 'open' }): Promise<void> => {
  const { targets, stalled } = message;
  timed = message.timed;
  const onRead = (size: number): void => {
    bytes += size;
    now = 0;
  };
  for (const target of targets) viewers.push(new LoadViewer(target, timed ? { onRead, onStamp } : { onRead }));
  await Promise.all(viewers.map((viewer) => viewer.opened.then(() => stalled && viewer.stall(true))));
  tell({ kind: 'opened', ports: viewers.map(({ port }) => port) });
  setInterval(report, REPORT_MS);
};

process.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'open':
      open(message).catch((error: Error) => tell({ kind: 'progress', last: 0, warm: false, fault: error.message }));
      break;
    case 'count':
      tell(counted());
      break;
    case 'time':
      latencies.fill(0);
      break;
    case 'stall':
      for (const viewer of viewers) viewer.stall(message.stalled);
      break;
  }
});
process.on('disconnect', () => process.exit(0));
