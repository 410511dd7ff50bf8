/** The container of one attempt, after its start. */
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { abortable } from '../../async/abortable.ts';
import type { Execution, ExitReport } from '../launcher.ts';
import { inTime, isNotFound, orNull, statusOf, UNTIL_STOPPED } from './engine/engine.ts';
import { allKnown, kernelLogShowsOutOfMemory, type Leaders, leadersOf } from './evidence.ts';
import { removeVolumes } from './volumes.ts';

const UNKNOWN: ExitReport = { exitCode: null, signal: null, outOfMemory: false };
/** Pause between two questions while the engine does not answer. */
const RETRY_MS = 500;
/** How late an end is noticed, at most, where the engine's answer was lost. */
const LOOK_AGAIN_MS = 5000;
/** A container that was created and not started within this time: its supervisor died between the two. */
const START_MS = 30_000;
/** 128 + SIGKILL: tini's exit code where the executor was killed. */
const KILLED = 137;

export class ContainerExecution implements Execution {
  readonly #docker: Docker;
  readonly #name: string;
  readonly #volumes: string;
  readonly #foundAt = Date.now();
  #report: ExitReport | null = null;
  /** Known after it was seen running. */
  #leaders: Leaders | undefined;

  /** `volumes`: how the names of its volumes begin (volumePrefix). */
  constructor(docker: Docker, name: string, volumes: string) {
    this.#docker = docker;
    this.#name = name;
    this.#volumes = volumes;
  }

  async wait(signal: AbortSignal): Promise<ExitReport> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#report !== null) return this.#report;
      try {
        const report = await inTime(this.#look(), signal);
        if (report !== null) {
          this.#report ??= report;
          continue;
        }
        await this.#untilStopped(signal);
      } catch {
        signal.throwIfAborted();
        // The engine is away, or cut the call: ask again.
        await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async stop(graceMs: number): Promise<void> {
    const ended = this.wait(new AbortController().signal);
    if (graceMs > 0) {
      await this.#kill('SIGTERM');
      const grace = new AbortController();
      const over = delay(graceMs, false, { signal: grace.signal }).catch(() => false);
      const inTime = await Promise.race([ended.then(() => true), over]);
      grace.abort();
      if (inTime) return;
    }
    // The end of the first process of a PID namespace ends all processes in it.
    await this.#kill('SIGKILL');
    await ended;
  }

  async remove(): Promise<void> {
    try {
      // Without this, Podman stops it first and waits for the stop timeout.
      if (this.#report === null) await this.#kill('SIGKILL');
      await inTime(this.#container().remove({ force: true, v: true }));
    } catch (error) {
      // 404: it is gone. 409: somebody else removes it.
      if (statusOf(error) !== 409 && !isNotFound(error)) throw error;
      if (statusOf(error) === 409) await this.#untilGone();
    }
    await removeVolumes(this.#docker, this.#volumes);
  }

  /** Resolves at the end, or after LOOK_AGAIN_MS, since the engine's answer can be lost. */
  async #untilStopped(signal: AbortSignal): Promise<void> {
    const enough = AbortSignal.any([signal, AbortSignal.timeout(LOOK_AGAIN_MS)]);
    const call = this.#container().wait({ ...UNTIL_STOPPED, abortSignal: enough });
    await abortable(call, enough).catch((error: unknown) => {
      signal.throwIfAborted();
      if (!enough.aborted) throw error;
    });
  }

  #container(): Docker.Container {
    return this.#docker.getContainer(this.#name);
  }

  /** How it ended, or null while it runs. */
  async #look(): Promise<ExitReport | null> {
    const container = await orNull(this.#container().inspect());
    if (container === null) return UNKNOWN;
    const { State: state } = container;
    if (state.Running || state.Paused || state.Restarting) {
      if (!allKnown(this.#leaders)) this.#leaders = await leadersOf(container.Id, state.Pid);
      return null;
    }
    if (notStarted(state.Status)) {
      if (Date.now() - this.#foundAt > START_MS) return UNKNOWN;
      await delay(50);
      throw new Error('not started yet');
    }
    const exitCode = state.ExitCode;
    return {
      exitCode,
      signal: signalName(exitCode),
      // The engine's flag is set for a kill of any process in the container, and is not reliable.
      outOfMemory:
        exitCode === KILLED &&
        (kernelLogShowsOutOfMemory(container.Id, undefined, this.#leaders) ?? state.OOMKilled === true),
    };
  }

  async #kill(signal: NodeJS.Signals): Promise<void> {
    try {
      await inTime(this.#container().kill({ signal }));
    } catch (error) {
      // 409 (Docker, Podman) or 500 (older Podman): it does not run. `wait` tells why.
      if (statusOf(error) === null) throw error;
    }
  }

  async #untilGone(): Promise<void> {
    const deadline = Date.now() + 10_000;
    while (Date.now() < deadline) {
      if ((await orNull(this.#container().inspect())) === null) return;
      await delay(50);
    }
  }
}

/** Whether it was created and never started, in the words of Docker and Podman. */
export const notStarted = (status: string): boolean =>
  status === 'created' || status === 'configured' || status === 'initialized';

const signalName = (exitCode: number): string | null => {
  if (exitCode <= 128) return null;
  const entry = Object.entries(constants.signals).find(([, number]) => number === exitCode - 128);
  return entry?.[0] ?? null;
};
