/**
 * One phase: honest viewers and callers at work: alone, beside abusers of another service (which take as much of the
 * machine and nothing of this service), and beside the abusers of this one.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { loadavg, setPriority } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { AbuserOptions } from './abuser.ts';
import type { HonestEnd, HonestOptions, HonestOrder, Measured } from './honest.ts';
import type { Scene, ServiceWork } from './scene.ts';

export interface Phase {
  /** Abuses, all at once. */
  readonly names: readonly string[];
  /** How long it goes on beside the abuse, and before that alone and beside a neighbour (0: not at all). */
  readonly seconds: number;
  readonly restSeconds: number;
  readonly viewers: number;
  readonly callers: number;
}

/** What the honest waited for, ms. */
export interface Waits {
  readonly callP50: number;
  readonly callP99: number;
  readonly lineP99: number;
  /** How much the service worked while a caller waited, ms of CPU time. */
  readonly workP99: number;
}

export interface PhaseResult extends HonestEnd {
  readonly rest: Waits;
  /** Null where there is no other service. */
  readonly neighbour: Waits | null;
  readonly abused: Waits;
  /** Calls that had no data beside the abuse. */
  readonly failed: number;
  /** Peak of the resident memory of the service, bytes. */
  readonly rss: number;
  /** The longest that the service worked in one go beside the abuse, ms of CPU time. */
  readonly longestWork: number;
  /** The machine's load average of a minute, at the end. */
  readonly load: number;
  readonly alive: boolean;
  /** The answers that the abuser got. */
  readonly told: string;
}

/** How long viewers may take to reach the end after the abuse. */
const END_MS = 60_000;
const LOOK_MS = 50;
/** Before anything is measured the service's code is compiled. */
const WARM_MS = 4000;
/** Between two measurements. */
const SETTLE_MS = 1000;
/** Real abusers are on machines of their own: here they get what the service and the honest leave of the CPU. */
export const NICE = 10;

/** @param neighbour a service of its own on the same machine */
export const runPhase = async (scene: Scene, phase: Phase, neighbour: Scene | null = null): Promise<PhaseResult> => {
  const { names, seconds, restSeconds, viewers, callers } = phase;
  await using children = new AsyncDisposableStack();
  const start = (file: string, options: AbuserOptions | HonestOptions): ChildProcess => {
    const child = fork(new URL(file, import.meta.url), [JSON.stringify(options)]);
    children.defer(() => void child.kill('SIGKILL'));
    return child;
  };
  const abuse = ({ port, targets }: Scene): ChildProcess => {
    const abuser = start('./abuser.ts', { names, port, targets });
    if (abuser.pid !== undefined) setPriority(abuser.pid, NICE);
    return abuser;
  };
  const pausesMs = WARM_MS + 4 * SETTLE_MS;
  const runId = await scene.startClock(seconds + 2 * restSeconds + pausesMs / 1000 + 5);
  const honest = start('./honest.ts', { port: scene.port, runId, viewers, callers });
  await once(honest, 'message', { signal: AbortSignal.timeout(END_MS) });
  const measure = async (ms: number, during = (until: number) => delay(until)): Promise<Waits & Measured> => {
    const begun = Date.now();
    tell(honest, 'begin');
    await during(ms);
    const measured = (await answer<Measured>(honest, 'end')) ?? NOTHING;
    return { ...measured, ...waits(measured, await scene.work(begun, Date.now())) };
  };

  if (restSeconds > 0) await delay(WARM_MS);
  const rest = restSeconds > 0 ? await measure(restSeconds * 1000) : NO_WAITS;
  let beside: Waits | null = null;
  if (neighbour !== null && restSeconds > 0 && names.length > 0) {
    const elsewhere = abuse(neighbour);
    await delay(SETTLE_MS);
    beside = await measure(restSeconds * 1000);
    await answer(elsewhere, 'stop');
    await delay(SETTLE_MS);
  }

  const begun = Date.now();
  const abuser = names.length === 0 ? null : abuse(scene);
  let rss = 0;
  const abused = await measure(seconds * 1000, async (ms) => {
    rss = await peakDuring(scene, ms);
  });
  const { longest } = await scene.work(begun, Date.now());
  const [load = 0] = loadavg();
  const told = abuser === null ? '' : ((await answer<string>(abuser, 'stop')) ?? 'no answer');
  const { faults } = (await answer<HonestEnd>(honest, 'stop')) ?? {
    faults: ['the honest clients did not finish within 60 s'],
  };
  return {
    rest,
    neighbour: beside,
    abused,
    failed: abused.failed,
    faults,
    rss,
    longestWork: longest,
    load,
    alive: scene.service.child.exitCode === null && scene.service.child.signalCode === null,
    told,
  };
};

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(Math.floor(values.length * share), values.length - 1)] ?? Number.NaN;

const NOTHING: Measured = { calls: [], lines: [], failed: 0 };

const waits = ({ calls, lines }: Measured, { duringCalls }: ServiceWork): Waits => ({
  callP50: percentile(calls, 0.5),
  callP99: percentile(calls, 0.99),
  lineP99: percentile(lines, 0.99),
  workP99: percentile(duringCalls, 0.99),
});
const NO_WAITS = waits(NOTHING, { longest: 0, duringCalls: [] });

const peakDuring = async (scene: Scene, ms: number): Promise<number> => {
  let peak = 0;
  for (const until = performance.now() + ms; performance.now() < until; await delay(LOOK_MS)) {
    peak = Math.max(peak, await scene.rss());
  }
  return peak;
};

const tell = (child: ChildProcess, order: HonestOrder): void => void child.send(order, () => undefined);

/** The answer of the child to the order; null if none comes within 60 s. */
const answer = async <T>(child: ChildProcess, order: HonestOrder): Promise<T | null> => {
  tell(child, order);
  try {
    const [message] = (await once(child, 'message', { signal: AbortSignal.timeout(END_MS) })) as [T];
    return message;
  } catch {
    return null;
  }
};
