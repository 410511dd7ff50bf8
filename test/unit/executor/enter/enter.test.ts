/** The program that changes between root directories (executor/enter/enter.c). */
import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const at = (name: string): string => fileURLToPath(new URL(`../../../../executor/enter/${name}`, import.meta.url));
const machine = { x64: 'x86_64', arm64: 'aarch64' }[arch() as 'x64' | 'arm64'];

test('the compiled programs were built from the current source', () => {
  const source = createHash('sha256')
    .update(readFileSync(at('enter.c')))
    .digest('hex');
  for (const name of ['enter.x86_64', 'enter.aarch64']) {
    expect(readFileSync(at(name), 'latin1').slice(-(source.length + 9))).toBe(`enter.c ${source}\n`);
  }
});

describe.skipIf(process.platform !== 'linux' || machine === undefined)('enter', () => {
  let directory = '';
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'rl-enter-'));
    mkdirSync(join(directory, 'a-directory'));
    writeFileSync(join(directory, 'not-executable'), '#!/bin/sh\n');
    writeFileSync(join(directory, 'no-interpreter'), '#!/no/such/interpreter\n');
    writeFileSync(join(directory, 'no-shebang'), 'echo by the shell "$@"\n');
    writeFileSync(join(directory, 'data'), 'some data');
    for (const name of ['no-interpreter', 'no-shebang']) chmodSync(join(directory, name), 0o755);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const enter = (steps: readonly string[], command: readonly string[], more: SpawnSyncOptions = {}) =>
    spawnSync(at(`enter.${machine}`), [...steps, ...command], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
      ...more,
      encoding: 'utf8',
    });
  /** The report on descriptor 4 about a program that is looked for at these paths. */
  const report = (...places: readonly string[]) => {
    const steps = places.map((place) => `x${place.startsWith('/') ? place : join(directory, place)}`);
    const { output, status, stdout } = enter(['b4', ...steps], ['--', 'name', 'one', 'two']);
    return { report: output?.at(4), status, stdout };
  };

  test('executes the program with its arguments and environment', () => {
    const { stdout, status } = enter(['x/bin/sh'], ['--', 'sh', '-c', 'echo "$0 $1 $A"', 'zero', 'one'], {
      env: { A: 'b' },
    });
    expect({ stdout, status }).toEqual({ stdout: 'zero one b\n', status: 0 });
    expect(enter(['e', 'x/usr/bin/env'], ['--', 'env'], { env: { A: 'b' } }).stdout).toBe('');
  });

  test('forbids core dumps of the program and of all that it starts, for good', () => {
    const script = "ulimit -Hc; ulimit -Sc; sh -c 'ulimit -Hc'; ulimit -c 1 2>&1 | grep -c .";
    expect(enter(['l', 'x/bin/sh'], ['--', 'sh', '-c', script]).stdout).toBe('0\n0\n0\n1\n');
  });

  test('opens files with the requested descriptor numbers, and standard input in place of a missing file', () => {
    const steps = [`o9:${join(directory, 'data')}`, `o12:${join(directory, 'nothing')}`, 'x/bin/sh'];
    const { stdout } = enter(steps, [
      '--',
      'sh',
      '-c',
      'cat <&9; [ /proc/self/fd/12 -ef /dev/null ] && echo; ls /proc/self/fd',
    ]);
    expect(stdout.split('\n').slice(0, 1)).toEqual(['some data']);
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(['0', '1', '2', '9', '12']));
  });

  test('fails as execvp does if no path has the program, and reports what it found instead', () => {
    expect(report('nothing')).toMatchObject({ report: 'x2\n', status: 125 });
    expect(report('nothing', 'not-executable', 'nothing-else')).toMatchObject({ report: 'x13\n' });
    expect(report('data/below-a-file')).toMatchObject({ report: 'x20\n' });
    expect(report('a-directory')).toMatchObject({ report: 'f13\n' });
    expect(report('nothing', 'no-interpreter')).toMatchObject({ report: 'i2\n' });
    expect(report('not-executable', '/bin/true')).toMatchObject({ report: '', status: 0 });
  });

  test('runs a script without an interpreter line in the shell', () => {
    expect(report('no-shebang')).toMatchObject({ report: '', status: 0, stdout: 'by the shell one two\n' });
  });

  test('closes the descriptors of its directory and of its reports before the program starts', () => {
    const { stdout } = enter(['b4', 'd3', 'x/bin/ls'], ['--', 'ls', '/proc/self/fd'], {
      stdio: ['ignore', 'pipe', 'pipe', openSync('/', 'r'), 'pipe'],
    });
    // Descriptor 3 belongs to ls.
    expect(stdout.trim().split('\n')).toEqual(expect.arrayContaining(['0', '1', '2', '3']));
    expect(stdout.trim().split('\n')).not.toContain('4');
    expect(
      enter(['d3', 'x/bin/pwd'], ['--', 'pwd', '-P'], { stdio: ['ignore', 'pipe', 'pipe', openSync('/usr', 'r')] })
        .stdout,
    ).toBe('/usr\n');
  });

  test.skipIf(process.getuid?.() !== 0)(
    'sets the given user and group and no other group, in the given root directory',
    () => {
      const steps = ['c/', 'g4321', 'u1234', 'x/usr/bin/id'];
      expect(enter(steps, ['--', 'id', '-u']).stdout).toBe('1234\n');
      expect(enter(steps, ['--', 'id', '-G']).stdout).toBe('4321\n');
      expect(enter([`r${directory}`, 'c/', 'x/no-shebang'], ['--', 'x']).stderr).toBe('x8\n');
    },
  );

  test('refuses unknown and invalid steps, and then runs nothing', () => {
    for (const steps of [
      ['q'],
      ['o'],
      ['o1'],
      ['ox:/'],
      ['u'],
      ['u-1'],
      ['u4294967295'],
      ['d99'],
      ['bx'],
      ['c/no/such'],
    ]) {
      const { status, stdout } = enter([...steps, 'x/bin/echo'], ['--', 'echo', 'ran']);
      expect({ steps, status, stdout }).toEqual({ steps, status: 125, stdout: '' });
    }
    expect(enter(['x/bin/echo'], ['echo']).status).toBe(125);
  });
});
