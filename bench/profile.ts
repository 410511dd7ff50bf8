/** Where a server's CPU time goes: node's --cpu-prof, summed up by function. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}
interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
  /** Microseconds, by the clock of process.hrtime. */
  readonly startTime: number;
}

export interface Profiler extends AsyncDisposable {
  readonly nodeFlags: readonly string[];
  /**
   * Writes the functions with the most self time between two instants (microsNow) to `profile-<name>.txt`. Call it
   * after the process has ended.
   */
  write(name: string, fromMicros: number, toMicros: number): Promise<void>;
}

const TOP = 20;

export const microsNow = (): number => Number(process.hrtime.bigint() / 1000n);

const place = ({ functionName, url, lineNumber }: ProfileNode['callFrame']): string => {
  const file = url.replace(/^file:\/\//, '').replace(/^.*\/(node_modules|src)\//, '$1/');
  return `${functionName || '(anonymous)'} ${file}${file === '' ? '' : `:${lineNumber + 1}`}`;
};

/** Self time by function within the window, without idle time. */
export const selfTimes = (profile: CpuProfile, fromMicros: number, toMicros: number): Map<string, number> => {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, place(callFrame)]));
  const times = new Map<string, number>();
  let at = profile.startTime;
  for (const [i, id] of profile.samples.entries()) {
    const delta = profile.timeDeltas[i] ?? 0;
    at += delta;
    const name = names.get(id) ?? '';
    if (at < fromMicros || at > toMicros || name.startsWith('(idle)')) continue;
    times.set(name, (times.get(name) ?? 0) + delta);
  }
  return times;
};

const NONE: Profiler = {
  nodeFlags: [],
  write: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** `out` is the directory of the texts; null: nothing is profiled. */
export const createProfiler = async (out: string | null): Promise<Profiler> => {
  if (out === null) return NONE;
  const directory = await mkdtemp(join(tmpdir(), 'rl-profile-'));
  return {
    nodeFlags: ['--cpu-prof', `--cpu-prof-dir=${directory}`],
    async write(name, fromMicros, toMicros) {
      const [file] = await readdir(directory);
      const profile = JSON.parse(await readFile(join(directory, file ?? ''), 'utf8')) as CpuProfile;
      const times = [...selfTimes(profile, fromMicros, toMicros)].sort(([, a], [, b]) => b - a);
      const total = times.reduce((sum, [, micros]) => sum + micros, 0);
      const head = `${(total / 1e6).toFixed(2)} s busy of ${((toMicros - fromMicros) / 1e6).toFixed(2)} s`;
      const rows = times.slice(0, TOP).map(([name, micros]) => {
        return `${((100 * micros) / total).toFixed(1).padStart(5)} % ${(micros / 1000).toFixed(0).padStart(6)} ms  ${name}`;
      });
      await mkdir(out, { recursive: true });
      await writeFile(join(out, `profile-${name.replaceAll(/\W+/g, '-')}.txt`), `${[head, ...rows].join('\n')}\n`);
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
};
