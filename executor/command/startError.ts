/** Explains to a client why its command could not be started. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SpawnError } from './spawner.ts';
import type { CommandSpec } from './startCommand.ts';
import { EnterFailed } from './startInImage.ts';

/** What an errno alone leaves open. */
interface Cause {
  readonly code: string | null;
  readonly noDirectory: boolean;
  readonly noInterpreter: boolean;
  readonly isDirectory: boolean;
}

/** Of a command's name so many characters are shown. */
const MAX_NAME = 200;

/** One sentence for `failure.message`. */
export const describeStartError = (spec: CommandSpec, error: unknown): string => {
  const [file = ''] = spec.command;
  const cause = causeOf(spec, file, error);
  if (cause.noDirectory) return `The directory ${spec.directory} does not exist.`;
  if (error instanceof EnterFailed && (error.step === 'u' || error.step === 'g')) {
    return `The command could not be started as the image's user (${cause.code}).`;
  }
  const name = `"${file.length > MAX_NAME ? `${file.slice(0, MAX_NAME)}…` : file}"`;
  return sentenceOf(`The command ${name}`, cause);
};

const sentenceOf = (command: string, { code, noInterpreter, isDirectory }: Cause): string => {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      if (noInterpreter) return `${command} could not be started: its interpreter was not found.`;
      return `${command} was not found.`;
    case 'EACCES':
      return isDirectory ? `${command} is a directory.` : `${command} is not executable.`;
    case 'ENOEXEC':
      return `${command} is not a program for this machine.`;
    case 'E2BIG':
      return `${command} could not be started: its arguments and environment are too large.`;
    case 'ERR_INVALID_ARG_VALUE':
      return `${command} could not be started: its arguments or environment contain a NUL character.`;
    case 'EAGAIN':
      return `${command} could not be started: the limit of processes is reached.`;
    case 'ENOMEM':
      return `${command} could not be started: there is not enough memory.`;
    default:
      return `${command} could not be started${code === null ? '' : ` (${code})`}.`;
  }
};

const causeOf = (spec: CommandSpec, file: string, error: unknown): Cause => {
  if (error instanceof EnterFailed) {
    const { code, step } = error;
    return { code, noDirectory: step === 'c', noInterpreter: step === 'i', isDirectory: step === 'f' };
  }
  const code = error instanceof SpawnError ? error.code : null;
  return {
    code,
    noDirectory: code === 'ENOENT' && !isDirectory(spec.directory),
    noInterpreter: code === 'ENOENT' && exists(file, spec),
    isDirectory: isDirectory(join(spec.directory, file)) || (file.startsWith('/') && isDirectory(file)),
  };
};

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** Whether the program's file exists, at its path or in a directory of PATH. */
const exists = (file: string, spec: CommandSpec): boolean => {
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
