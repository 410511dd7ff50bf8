/** How the probe at the start interprets the limits that the kernel reports. */
import { expect, test } from 'vitest';
import { readProbe, unenforcedLine } from '../../../../src/launchers/container/probe.ts';

const MEMORY = String(128 * 1024 * 1024);
const answer = (memory: string, cpus: string, pids: string): string =>
  JSON.stringify({ complete: true, memory, cpus, pids });

test('recognizes enforced limits with both versions of cgroups', () => {
  const all = { memory: true, cpus: true, pids: true };
  expect(readProbe(answer(MEMORY, '100000 100000', '256'), 256)).toEqual(all);
  expect(readProbe(answer(MEMORY, '100000', '256'), 256)).toEqual(all);
  expect(unenforcedLine(all, 'Podman 5')).toBeNull();
});

test('notices limits that the engine ignores, and names them', () => {
  const v1 = readProbe(answer('9223372036854771712', '-1', 'max'), 256);
  const v2 = readProbe(answer('max', 'max 100000', ''), 256);
  for (const enforced of [v1, v2]) {
    expect(enforced).toEqual({ memory: false, cpus: false, pids: false });
    expect(unenforcedLine(enforced ?? { memory: true, cpus: true, pids: true }, 'Podman 4.3')).toMatch(
      /^WARNING: Podman 4\.3 does not limit memory, CPU, the number of processes of runs here/,
    );
  }
});

test('ignores any other text', () => {
  for (const text of ['', 'Error: x', 'null', '[]', JSON.stringify({ complete: false })]) {
    expect(readProbe(text, 256)).toBeNull();
  }
});
