/** The pure parts of the container launcher. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type ContainerSettings, createOptions, executorCommand } from '../../src/launchers/container/container.ts';
import { kernelToldOutOfMemory } from '../../src/launchers/container/evidence.ts';
import { isImageReference, withTag } from '../../src/launchers/container/reference.ts';
import { socketCandidates } from '../../src/launchers/container/socket.ts';

const settings: ContainerSettings = {
  network: 'none',
  redisSocketDirectory: '/run/of-the-service',
  redisSocketGid: 1234,
  extraHosts: ['host.containers.internal:host-gateway'],
  installationId: 'here',
  pidsLimit: 100,
  workspaceBytes: 1000,
};
const optionsFor = (engine: 'Docker' | 'Podman', more: Partial<ContainerSettings> = {}) =>
  createOptions(
    { ...settings, ...more },
    {
      name: 'runloom-x-1',
      image: 'some/image',
      imageVolumes: ['/data', '/tmp/', '/workspace'],
      imageHasHealthcheck: false,
      carriedVolume: 'runloom-executor-abc',
      command: executorCommand('node'),
      environment: { RUN_ID: 'x' },
      resources: { cpus: 0.5, memoryMb: 64 },
      labels: {},
      engine,
    },
  );

test('asks for the least that the executor can work with', () => {
  const { HostConfig: host, ...options } = optionsFor('Docker');
  expect(host).toMatchObject({
    ReadonlyRootfs: true,
    CapDrop: ['ALL'],
    CapAdd: ['SETUID', 'SETGID', 'KILL'],
    SecurityOpt: ['no-new-privileges'],
    NetworkMode: 'none',
    PidsLimit: 100,
    NanoCpus: 500_000_000,
    Memory: 64 * 1024 * 1024,
    MemorySwap: 64 * 1024 * 1024,
    GroupAdd: ['1234'],
    RestartPolicy: { Name: 'no' },
    Binds: ['runloom-executor-abc:/opt/runloom:ro,nocopy', '/run/of-the-service:/run/runloom-redis:ro'],
  });
  expect(host).not.toHaveProperty('Privileged');
  expect(options).toMatchObject({ User: '0:0', Env: ['RUN_ID=x'], Entrypoint: ['/opt/runloom/bin/tini'] });
});

test("mounts an image's VOLUMEs read-only, but where a run has its own place", () => {
  expect(optionsFor('Docker').HostConfig?.Mounts).toEqual([
    { Type: 'volume', Source: '', Target: '/data', ReadOnly: true },
  ]);
});

test('asks each engine in its own words for an empty tmpfs', () => {
  expect(optionsFor('Docker').HostConfig?.Tmpfs?.['/workspace']).not.toContain('notmpcopyup');
  expect(optionsFor('Podman').HostConfig?.Tmpfs?.['/workspace']).toContain('notmpcopyup');
  expect(Object.keys(optionsFor('Docker').HostConfig?.Tmpfs ?? {}).sort()).toEqual([
    '/run/runloom',
    '/tmp',
    '/workspace',
  ]);
});

test('gives names of hosts only where there is a network', () => {
  expect(optionsFor('Docker').HostConfig).not.toHaveProperty('ExtraHosts');
  expect(optionsFor('Docker', { network: 'bridge' }).HostConfig?.ExtraHosts).toEqual(settings.extraHosts);
});

test('takes names of images and nothing that could be another path of the engine', () => {
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

test('pulls one tag and never all of them', () => {
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

test("finds a container's out-of-memory kill in the kernel's words, and says no where they cannot be read", () => {
  const directory = mkdtempSync(join(tmpdir(), 'rl-kmsg-'));
  const log = join(directory, 'kmsg');
  const id = 'ab'.repeat(32);
  writeFileSync(log, `6,1,2,-;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/libpod_parent/libpod-${id},task=node\n`);
  expect(kernelToldOutOfMemory(id, log)).toBe(true);
  expect(kernelToldOutOfMemory('cd'.repeat(32), log)).toBe(false);
  expect(kernelToldOutOfMemory(id, join(directory, 'none'))).toBe(false);
  rmSync(directory, { recursive: true });
});

test("knows a kill of the container's leaders by their pids, where the kernel was too busy to name the container", () => {
  const directory = mkdtempSync(join(tmpdir(), 'rl-kmsg-'));
  const log = join(directory, 'kmsg');
  const killed = 'Memory cgroup out of memory: Killed process 6028 (MainThread) total-vm:1kB, UID:0 oom_score_adj:0';
  writeFileSync(log, `3,7,5000000,-;${killed}\n`);
  const id = 'ab'.repeat(32);
  expect(kernelToldOutOfMemory(id, log)).toBe(false);
  expect(kernelToldOutOfMemory(id, log, { pids: [6018, 6028], since: 4_000_000 })).toBe(true);
  expect(kernelToldOutOfMemory(id, log, { pids: [602, 28], since: 4_000_000 })).toBe(false);
  expect(kernelToldOutOfMemory(id, log, { pids: [6018, 6028], since: 6_000_000 })).toBe(false);
  rmSync(directory, { recursive: true });
});
