/** One phase: honest viewers and callers, and beside them one abuse, all of them, or none. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { AbuserOptions } from './abuser.ts';
import type { HonestOptions, HonestResult } from './honest.ts';
import type { Scene } from './scene.ts';

export interface Phase {
  /** Abuses, all at once. */
  readonly names: readonly string[];
  readonly seconds: number;
  readonly viewers: number;
  readonly callers: number;
}

export interface PhaseResult extends Omit<HonestResult, 'calls' | 'lines'> {
  readonly callP50: number;
  readonly callP99: number;
  readonly lineP99: number;
  /** Peak of the resident memory of the service, bytes. */
  readonly rss: number;
  readonly alive: boolean;
  /** The answers that the abuser got. */
  readonly told: string;
}

/** How long viewers may take to reach the end after the abuse. */
const END_MS = 60_000;
const LOOK_MS = 50;

export const runPhase = async (scene: Scene, { names, seconds, viewers, callers }: Phase): Promise<PhaseResult> => {
  const { port, targets } = scene;
  await using children = new AsyncDisposableStack();
  const start = (file: string, options: AbuserOptions | HonestOptions): ChildProcess => {
    const child = fork(new URL(file, import.meta.url), [JSON.stringify(options)]);
    children.defer(() => void child.kill('SIGKILL'));
    return child;
  };
  const runId = await scene.startClock(seconds + 5);
  const honest = start('./honest.ts', { port, runId, viewers, callers });
  await once(honest, 'message', { signal: AbortSignal.timeout(END_MS) });
  const abuser = names.length === 0 ? null : start('./abuser.ts', { names, port, targets });
  const rss = await peakDuring(scene, seconds * 1000);
  const result = await answer<HonestResult>(honest);
  const told = abuser === null ? '' : ((await answer<string>(abuser)) ?? 'no answer');
  const {
    calls = [],
    lines = [],
    failed = 0,
    faults = ['the honest clients did not finish within 60 s'],
  } = result ?? {};
  return {
    callP50: percentile(calls, 0.5),
    callP99: percentile(calls, 0.99),
    lineP99: percentile(lines, 0.99),
    failed,
    faults,
    rss,
    alive: scene.service.child.exitCode === null && scene.service.child.signalCode === null,
    told,
  };
};

const peakDuring = async (scene: Scene, ms: number): Promise<number> => {
  let peak = 0;
  for (const until = performance.now() + ms; performance.now() < until; await delay(LOOK_MS)) {
    peak = Math.max(peak, await scene.rss());
  }
  return peak;
};

/** The message of the child after it was asked to stop; null if none comes within 60 s. */
const answer = async <T>(child: ChildProcess): Promise<T | null> => {
  child.send('stop', () => undefined);
  try {
    const [message] = (await once(child, 'message', { signal: AbortSignal.timeout(END_MS) })) as [T];
    return message;
  } catch {
    return null;
  }
};

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(Math.floor(values.length * share), values.length - 1)] ?? Number.NaN;
