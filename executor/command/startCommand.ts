import { readFileSync, writeFileSync } from 'node:fs';
import { trySignal } from '../../src/system/processes.ts';
import { COMMAND_OOM_SCORE } from '../../src/wire/executorOrders.ts';
import type { Variables } from '../start/environment.ts';
import type { Exited, Spawned, Spawner } from './spawner.ts';
import { describeStartError } from './startError.ts';
import { type ImageEntry, startInImage } from './startInImage.ts';

export interface CommandSpec {
  readonly command: readonly string[];
  readonly directory: string;
  readonly variables: Variables;
  /** Root directory and user of the command. Null: those of the executor. */
  readonly entry: ImageEntry | null;
  /** Descriptors that become its standard output and error. */
  readonly stdout: number;
  readonly stderr: number;
}

/** The command could not be started. The message is a sentence for clients. */
export class NotStarted extends Error {
  override readonly name = 'NotStarted';
}

export class Command {
  readonly pid: number;
  /** How the command's own process ended. @throws NotStarted */
  readonly exited: Promise<Exited>;
  #hasExited = false;

  /** `describe` makes a NotStarted of an error of `spawned.exited`. */
  constructor({ pid, exited }: Spawned, describe: (error: unknown) => NotStarted) {
    this.pid = pid;
    const onEnd = (): void => {
      this.#hasExited = true;
    };
    exited.then(onEnd, onEnd);
    this.exited = exited.catch((error: unknown) => {
      throw describe(error);
    });
    this.exited.catch(() => undefined);
  }

  /** Signals the command's own process. Does nothing after its exit. */
  signal(signal: number): void {
    if (!this.#hasExited) trySignal(this.pid, signal);
  }

  /** Kills all processes of the command's group. Does nothing if there is none. */
  killGroup(): void {
    // After the exit another process can have the pid, but not while the group still exists.
    if (this.#hasExited && trySignal(this.pid, 0)) return;
    trySignal(-this.pid, 'SIGKILL');
  }
}

/** Starts the command in its own session and process group. @throws NotStarted */
export const startCommand = async (spawner: Spawner, spec: CommandSpec): Promise<Command> => {
  const describe = (error: unknown): NotStarted => new NotStarted(describeStartError(spec, error), { cause: error });
  try {
    const spawned =
      spec.entry === null ? await startHere(spawner, spec) : await startInImage(spawner, spec, spec.entry);
    return new Command(spawned, describe);
  } catch (error) {
    throw describe(error);
  }
};

/** Starts it in the executor's root directory and as the executor's user. */
const startHere = (spawner: Spawner, spec: CommandSpec): Promise<Spawned> => {
  const [file = '', ...args] = spec.command;
  return withCommandOomScore(() =>
    spawner.start(file, args, {
      cwd: spec.directory,
      env: spec.variables,
      stdio: ['ignore', spec.stdout, spec.stderr],
      detached: true,
    }),
  );
};

const OOM_SCORE_FILE = '/proc/self/oom_score_adj';

/**
 * A child inherits the score (proc(5)). With it the kernel kills the command and not the executor, which must report
 * it.
 */
const withCommandOomScore = async <T>(start: () => Promise<T>): Promise<T> => {
  const own = readOomScore();
  if (own === null || !writeOomScore(COMMAND_OOM_SCORE)) return await start();
  try {
    return await start();
  } finally {
    writeOomScore(own);
  }
};

const readOomScore = (): string | null => {
  try {
    return readFileSync(OOM_SCORE_FILE, 'utf8').trim();
  } catch {
    return null;
  }
};

const writeOomScore = (score: string): boolean => {
  try {
    writeFileSync(OOM_SCORE_FILE, score);
    return true;
  } catch {
    return false;
  }
};
