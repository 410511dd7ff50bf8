/** The pure functions of the container launcher. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  type ContainerSettings,
  createOptions,
  executorArguments,
  newExecutorRoot,
} from '../../../../src/launchers/container/container.ts';
import { socketCandidates } from '../../../../src/launchers/container/engine/socket.ts';
import { kernelLogShowsOutOfMemory } from '../../../../src/launchers/container/evidence.ts';
import { isImageReference, withTag } from '../../../../src/launchers/container/image/reference.ts';

const settings: ContainerSettings = {
  network: 'none',
  redisMount: { directory: '/run/of-the-service', gid: 1234 },
  extraHosts: ['host.containers.internal:host-gateway'],
  installationId: 'here',
  pidsLimit: 100,
  workspaceBytes: 1000,
};
const optionsFor = (
  engine: 'Docker' | 'Podman',
  more: Partial<ContainerSettings> = {},
  { paths, emptyParents = false }: { paths: readonly string[]; emptyParents?: boolean } = { paths: ['/data'] },
) =>
  createOptions(
    { ...settings, ...more },
    {
      name: 'runloom-x-1',
      image: 'some/image',
      imageVolumes: { paths, prefix: 'volume.', emptyParents },
      imageHasHealthcheck: false,
      carriedVolume: 'runloom-executor-abc',
      executorRoot: '/.root-of-the-executor',
      arguments: executorArguments('node', 'SIGQUIT'),
      environment: { RUN_ID: 'x' },
      resources: { cpus: 0.5, memoryMb: 64 },
      stopGraceMs: 600_001,
      labels: {},
      seccomp: '{}',
      engine,
    },
  );

test('a container gets only the rights that the executor needs', () => {
  const { HostConfig: host, ...options } = optionsFor('Docker');
  expect(host).toMatchObject({
    ReadonlyRootfs: true,
    CapDrop: ['ALL'],
    CapAdd: ['SETUID', 'SETGID', 'KILL', 'SYS_CHROOT'],
    SecurityOpt: ['no-new-privileges', 'seccomp={}'],
    NetworkMode: 'none',
    PidsLimit: 100,
    NanoCpus: 500_000_000,
    Memory: 64 * 1024 * 1024,
    MemorySwap: 64 * 1024 * 1024,
    GroupAdd: ['1234'],
    RestartPolicy: { Name: 'no' },
    Binds: [
      'runloom-executor-abc:/.root-of-the-executor:ro,nocopy',
      '/run/of-the-service:/.root-of-the-executor/run/runloom-redis:ro',
    ],
  });
  expect(host).not.toHaveProperty('Privileged');
  expect(options).toMatchObject({
    User: '0:0',
    Env: ['RUN_ID=x'],
    Entrypoint: ['/.root-of-the-executor/opt/runloom/bin/tini'],
  });
});

test('the root directory of the executor has a random name, which no image can know in advance', () => {
  expect(newExecutorRoot()).toMatch(/^\/\.runloom-[0-9a-f]{24}$/);
  expect(newExecutorRoot()).not.toBe(newExecutorRoot());
});

test("the engine waits for the grace period, and the executor knows the image's stop signal", () => {
  expect(optionsFor('Docker')).toMatchObject({ StopSignal: 'SIGTERM', StopTimeout: 616 });
  expect(optionsFor('Podman').Cmd).toContain('--stop-signal=SIGQUIT');
});

test("mounts a named volume, read-only, on each of an image's VOLUMEs, in any form of path", () => {
  const paths = [
    '/data',
    '/tmp/',
    '/workspace',
    '/b//c/',
    '/b/c',
    'rel/./x',
    '/',
    '/dev/shm',
    '/workspace/cache',
    '/a',
    '/a/b',
  ];
  const mounted = (emptyParents: boolean) => {
    const host = optionsFor('Docker', {}, { paths, emptyParents }).HostConfig;
    return { targets: host?.Mounts?.map((mount) => mount.Target), tmpfs: host?.Tmpfs };
  };
  expect(optionsFor('Docker').HostConfig?.Mounts).toEqual([
    { Type: 'volume', Source: 'volume.0', Target: '/data', ReadOnly: true },
  ]);
  expect(mounted(false).targets).toEqual(['/data', '/b/c', '/rel/x', '/a', '/a/b']);
  expect(mounted(false).tmpfs?.['/workspace/cache']).toBe(mounted(false).tmpfs?.['/workspace']);
  expect(mounted(true).targets).toEqual(['/data', '/b/c', '/rel/x', '/a/b']);
  expect(mounted(true).tmpfs?.['/a']).toMatch(/^ro,/);
});

test('on Podman, a tmpfs is mounted on /run only if the image has no VOLUME there', () => {
  const rooms = (paths: readonly string[]) => Object.keys(optionsFor('Podman', {}, { paths }).HostConfig?.Tmpfs ?? {});
  expect(rooms([])).toContain('/run');
  expect(rooms(['/run'])).not.toContain('/run');
});

test('requests an empty tmpfs with the options of each engine', () => {
  expect(optionsFor('Docker').HostConfig?.Tmpfs?.['/workspace']).not.toContain('notmpcopyup');
  expect(optionsFor('Podman').HostConfig?.Tmpfs?.['/workspace']).toContain('notmpcopyup');
  expect(Object.keys(optionsFor('Docker').HostConfig?.Tmpfs ?? {}).sort()).toEqual([
    '/.root-of-the-executor/run/runloom',
    '/tmp',
    '/workspace',
  ]);
});

test('adds host names only if the container has a network', () => {
  expect(optionsFor('Docker').HostConfig).not.toHaveProperty('ExtraHosts');
  expect(optionsFor('Docker', { network: 'bridge' }).HostConfig?.ExtraHosts).toEqual(settings.extraHosts);
});

test("accepts names of images, and nothing that could be another path of the engine's API", () => {
  const names = [
    'busybox',
    'busybox:1.36',
    'library/busybox',
    'docker.io/library/busybox:latest',
    'localhost:5000/a/b',
  ];
  for (const name of [...names, 'a/b@sha256:'.padEnd(75, 'a'), 'reg.example.com:443/x_y/z-1:T.2']) {
    expect(isImageReference(name), name).toBe(true);
  }
  for (const name of [
    '',
    '-rf',
    '../x',
    'a/../b',
    'a b',
    'a?x=1',
    'a#b',
    'a%2fb',
    'a//b',
    '/a',
    'a/',
    'a:',
    'x'.repeat(600),
  ]) {
    expect(isImageReference(name), name).toBe(false);
  }
});

test('pulls one tag, never all tags', () => {
  expect(withTag('busybox')).toBe('busybox:latest');
  expect(withTag('localhost:5000/busybox')).toBe('localhost:5000/busybox:latest');
  expect(withTag('busybox:1')).toBe('busybox:1');
  expect(withTag('busybox@sha256:00')).toBe('busybox@sha256:00');
});

test("looks for DOCKER_HOST first, then Docker's sockets, then Podman's", () => {
  const candidates = socketCandidates({ dockerHost: 'unix:///my/docker.sock', runtimeDirectory: '/run/user/7' });
  expect(candidates[0]).toBe('/my/docker.sock');
  expect(candidates.indexOf('/var/run/docker.sock')).toBeLessThan(candidates.indexOf('/run/podman/podman.sock'));
  expect(candidates).toContain('/run/user/7/podman/podman.sock');
  expect(socketCandidates({ dockerHost: 'tcp://elsewhere:2375', runtimeDirectory: null })[0]).toBe(
    '/var/run/docker.sock',
  );
});

/** Records of the kernel's log. The first of the two is missing if the kernel limits their rate. */
const ID = 'ab'.repeat(32);
const named = (pid: number): string =>
  `6,1,5000000,-;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/libpod_parent/libpod-${ID},task=node,pid=${pid},uid=0\n`;
const killed = (pid: number, score: number): string =>
  `3,7,5000001,-;Memory cgroup out of memory: Killed process ${pid} (MainThread) total-vm:1kB, UID:0 oom_score_adj:${score}\n`;
const LEADERS = { pids: [6018, 6028], since: 4_000_000 };

test.each([
  ['a leader, named', named(6028) + killed(6028, 0), LEADERS, true],
  ['a leader, if the kernel left out the name of the container', killed(6028, 0), LEADERS, true],
  ['the first process, before its child was seen', killed(6018, 0), { ...LEADERS, pids: [6018] }, true],
  ['a child of the command, which itself survived', named(7000) + killed(7000, 1000), LEADERS, false],
  ['a process with a part of the pid', killed(602, 0) + killed(28, 0), LEADERS, false],
  ['an earlier process with the same pid', killed(6028, 0), { ...LEADERS, since: 6_000_000 }, false],
  ['no process', '', LEADERS, false],
  ['a process, if the leaders are unknown', named(6028) + killed(6028, 0), undefined, true],
  ['a process without a score, if the leaders are unknown', named(6028), { ...LEADERS, pids: [] }, true],
  ['the command, if the leaders are unknown', named(7000) + killed(7000, 1000), undefined, null],
  [
    'the command and then a leader, if the leaders are unknown',
    named(7) + killed(7, 1000) + named(8) + killed(8, 0),
    undefined,
    true,
  ],
  ['a process of another container', named(7000).replaceAll('ab', 'cd') + killed(7000, 0), undefined, null],
])(
  "learns from the kernel's log what an out-of-memory kill of %s means for the container",
  (_, text, leaders, told) => {
    const directory = mkdtempSync(join(tmpdir(), 'rl-kmsg-'));
    const log = join(directory, 'kmsg');
    writeFileSync(log, text);
    expect(kernelLogShowsOutOfMemory(ID, log, leaders)).toBe(told);
    expect(kernelLogShowsOutOfMemory(ID, join(directory, 'none'), leaders)).toBeNull();
    rmSync(directory, { recursive: true });
  },
);
