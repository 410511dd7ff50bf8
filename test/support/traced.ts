/** Which files the executor of a run opens, from its first process on, as strace reports them. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A runtime for startPodman that writes a trace of each container to `directory`, one file per process. */
export const tracingRuntime = (directory: string): string => `#!/bin/sh
case " $* " in
  *" create "*) exec strace -D -ff -qq -s 400 --pidns-translation -e trace=%file,chroot,fchdir,setresuid,clone,clone3,fork,vfork \\
    -o ${directory}/trace.$$ runc "$@" ;;
  *) exec runc "$@" ;;
esac
`;

export interface OpenedFile {
  /** Whose root directory the name is resolved in. */
  readonly root: 'image' | 'executor';
  readonly call: string;
  readonly path: string;
  readonly succeeded: boolean;
}

interface State {
  root: OpenedFile['root'];
  /** False once it has given up its rights: from its next program on it is the command. */
  privileged: boolean;
}

const CALL = /^(\w+)\((?:AT_FDCWD, )?(?:"((?:[^"\\]|\\.)*)")?(.*)\)\s+= (-?\d+|\?)/;
/** In a PID namespace strace prints both numbers; its files are named by the number in strace's own namespace. */
const STARTS_CHILD = /^(?:clone3?|fork|vfork)\(.*= (\d+)(?: \/\* (\d+) in strace's PID NS \*\/)?$/;

/** All files that the first process (tini) and its descendants name, until one becomes the command. */
export const openedFiles = async (directory: string): Promise<readonly OpenedFile[]> => {
  const traces = new Map<string, readonly string[]>();
  for (const name of await readdir(directory)) {
    if (name.startsWith('trace.')) traces.set(name, (await readFile(join(directory, name), 'utf8')).split('\n'));
  }
  const found: OpenedFile[] = [];
  const follow = (name: string, from: number, start: State): void => {
    const state = { ...start };
    for (const line of (traces.get(name) ?? []).slice(from)) {
      const [, seen, outside] = STARTS_CHILD.exec(line) ?? [];
      const child = outside ?? seen;
      if (child !== undefined) follow(name.replace(/\d+$/, child), 0, state);
      const [, call = '', path, , result = ''] = CALL.exec(line) ?? [];
      if (call === 'setresuid' && result === '0') state.privileged = false;
      if (call === 'execve' && result === '0' && !state.privileged) return;
      if (path === undefined || !state.privileged) continue;
      found.push({ root: state.root, call, path, succeeded: !result.startsWith('-') });
      if (call === 'chroot' && result === '0') state.root = path === '.' ? 'image' : 'executor';
    }
  };
  for (const [name, lines] of traces) {
    const first = lines.findIndex((line) => /^execve\("\/\.runloom-[^"]*\/tini".* = 0$/.test(line));
    if (first >= 0) follow(name, first, { root: 'image', privileged: true });
  }
  return found;
};
