/** Stage 4: the command's process, its group, and what it leaves behind. */
import { accessSync, constants, readFileSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { trySignal } from '../../src/system/processes.ts';
import { COMMAND_OOM_SCORE } from '../../src/wire/executorOrders.ts';
import type { Variables } from '../start/environment.ts';
import { type Entry, NotEntered, startEntered } from './enterImage.ts';
import { type Exited, SpawnError, type Spawned, type Spawner } from './spawner.ts';

export interface CommandSpec {
  readonly command: readonly string[];
  readonly directory: string;
  readonly variables: Variables;
  /** Where and as whom it runs; null: in the executor's own root directory, as its own user. */
  readonly entry: Entry | null;
  /** File descriptors that become its standard output and error. */
  readonly stdout: number;
  readonly stderr: number;
}

/** It could not be started. The message is a sentence for a person. */
export class NotStarted extends Error {
  override readonly name = 'NotStarted';
}

export class Command {
  readonly pid: number;
  /** Resolves with the end of the command's own process. @throws NotStarted */
  readonly exited: Promise<Exited>;
  #hasExited = false;

  constructor({ pid, exited }: Spawned, whyNot: (error: unknown) => NotStarted) {
    this.pid = pid;
    const over = (): void => {
      this.#hasExited = true;
    };
    exited.then(over, over);
    this.exited = exited.catch((error: unknown) => {
      throw whyNot(error);
    });
    this.exited.catch(() => undefined);
  }

  /** To the command's own process alone. Harmless where it has exited. */
  signal(signal: number): void {
    if (!this.#hasExited) trySignal(this.pid, signal);
  }

  /** To all processes of its group, which it leads. Harmless where none is left. */
  killGroup(): void {
    // Once it is reaped, its number can be another's, but not while its group has anybody.
    if (this.#hasExited && trySignal(this.pid, 0)) return;
    trySignal(-this.pid, 'SIGKILL');
  }
}

/** Starts it, in a session and group of its own. @throws NotStarted */
export const startCommand = async (spawner: Spawner, spec: CommandSpec): Promise<Command> => {
  const whyNot = (error: unknown): NotStarted => new NotStarted(whyNotStarted(spec, error), { cause: error });
  try {
    const spawned =
      spec.entry === null ? await startHere(spawner, spec) : await startEntered(spawner, spec, spec.entry);
    return new Command(spawned, whyNot);
  } catch (error) {
    throw whyNot(error);
  }
};

/** In the executor's own root directory, as its own user. */
const startHere = (spawner: Spawner, spec: CommandSpec): Promise<Spawned> => {
  const [file = '', ...args] = spec.command;
  return asOomVictim(() =>
    spawner.start(file, args, {
      cwd: spec.directory,
      env: spec.variables,
      stdio: ['ignore', spec.stdout, spec.stderr],
      detached: true,
    }),
  );
};

const OOM_SCORE = '/proc/self/oom_score_adj';

/** The kernel shall take the command and not the one who must tell: a child inherits the score (proc(5)). */
const asOomVictim = async <T>(start: () => Promise<T>): Promise<T> => {
  const own = readScore();
  if (own === null || !writeScore(COMMAND_OOM_SCORE)) return await start();
  try {
    return await start();
  } finally {
    writeScore(own);
  }
};

const readScore = (): string | null => {
  try {
    return readFileSync(OOM_SCORE, 'utf8').trim();
  } catch {
    return null;
  }
};

const writeScore = (score: string): boolean => {
  try {
    writeFileSync(OOM_SCORE, score);
    return true;
  } catch {
    return false;
  }
};

/** What spawn's error leaves open, which an errno alone does not tell. */
interface Refusal {
  readonly code: string | null;
  readonly noDirectory: boolean;
  readonly noInterpreter: boolean;
  readonly isDirectory: boolean;
}

const refusalOf = (spec: CommandSpec, file: string, error: unknown): Refusal => {
  if (error instanceof NotEntered) {
    const { code, step } = error;
    return { code, noDirectory: step === 'c', noInterpreter: step === 'i', isDirectory: step === 'f' };
  }
  const code = error instanceof SpawnError ? error.code : null;
  return {
    code,
    noDirectory: code === 'ENOENT' && !isDirectory(spec.directory),
    noInterpreter: code === 'ENOENT' && isThere(file, spec),
    isDirectory: isDirectory(join(spec.directory, file)) || (file.startsWith('/') && isDirectory(file)),
  };
};

const whyNotStarted = (spec: CommandSpec, error: unknown): string => {
  const [file = ''] = spec.command;
  const { code, ...refusal } = refusalOf(spec, file, error);
  const name = `"${file.length > 200 ? `${file.slice(0, 200)}…` : file}"`;
  if (refusal.noDirectory) return `The directory ${spec.directory} is not there.`;
  if (error instanceof NotEntered && (error.step === 'u' || error.step === 'g')) {
    return `The command could not be started as the image's user (${code}).`;
  }
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      if (refusal.noInterpreter) return `The command ${name} could not be started: its interpreter was not found.`;
      return `The command ${name} was not found.`;
    case 'EACCES':
      return refusal.isDirectory ? `The command ${name} is a directory.` : `The command ${name} is not executable.`;
    case 'ENOEXEC':
      return `The command ${name} is no program for this machine.`;
    case 'E2BIG':
      return `The arguments and the environment of the command ${name} are too large.`;
    case 'ERR_INVALID_ARG_VALUE':
      return `The command ${name} or its environment holds a NUL character.`;
    case 'EAGAIN':
      return `The command ${name} could not be started: there is no place for one more process.`;
    case 'ENOMEM':
      return `The command ${name} could not be started: there is not enough memory.`;
    default:
      return `The command ${name} could not be started${code === null ? '' : ` (${code})`}.`;
  }
};

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** Whether the program's file itself is there, as the path says or in one of PATH's directories. */
const isThere = (file: string, spec: CommandSpec): boolean => {
  const paths = file.includes('/')
    ? [file.startsWith('/') ? file : join(spec.directory, file)]
    : (spec.variables.PATH ?? '').split(delimiter).map((directory) => join(directory, file));
  return paths.some((path) => {
    try {
      accessSync(path, constants.F_OK);
      return true;
    } catch {
      return false;
    }
  });
};
