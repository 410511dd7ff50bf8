/** Which registries an image's name can make the engine connect to, and which images are removed again. */
import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectEngine, orNull } from '../../../src/launchers/container/engine/engine.ts';
import { PulledImages } from '../../../src/launchers/container/image/pulledImages.ts';
import { request, startRun } from '../../support/clients/client.ts';
import { buildImage } from '../../support/engines/images.ts';
import { cancelRun, untilEnd, untilRun } from '../../support/runs/lifecycle.ts';
import { quiet } from '../../support/runs/runs.ts';
import { type DataDirectory, dataDirectory, type StartedService, spawnService } from '../../support/startedService.ts';

const engine = inject('engine');

describe.skipIf(engine === null)('images', () => {
  let data: DataDirectory;
  let service: StartedService;
  let url: string;
  let registry: Server;
  let port: number;
  let connections = 0;
  beforeAll(async () => {
    registry = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
    port = (registry.address() as AddressInfo).port;
    data = await dataDirectory();
    const own = { DATA_DIR: data.path, CONTAINER_SOCKET: engine?.socketPath ?? '', LAUNCHER: 'container' };
    const allowed = `*,127.0.0.1:${port}/allowed/*`;
    const env = { ...own, EXECUTOR_IMAGE: engine?.executorImage ?? '', ALLOWED_IMAGES: allowed };
    service = spawnService({ env });
    url = await service.address();
  }, 120_000);
  afterAll(async () => {
    registry?.close();
    await service?.[Symbol.asyncDispose]();
    await data?.[Symbol.asyncDispose]();
  });

  test('a name with a private registry is refused, and the engine does not connect to it', async () => {
    const start = 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id } } }';
    const names = [
      '127.0.0.1',
      'localhost',
      'LOCALHOST',
      '127.1',
      '2130706433',
      '0x7f000001',
      '0177.0.0.1',
      '0',
      '10.0.0.1',
    ];
    for (const host of names) {
      const answer = await request(url, start, { input: { command: ['true'], image: `${host}:${port}/x` } });
      expect(answer.errors?.[0]?.extensions, host).toMatchObject({ code: 'BAD_USER_INPUT', argument: 'input.image' });
    }
    expect(connections).toBe(0);
  });

  test('a registry that ALLOWED_IMAGES names is asked', async () => {
    const id = await startRun(url, { command: ['true'], image: `127.0.0.1:${port}/allowed/x` });
    expect((await untilEnd(url, id)).failure?.reason).toBe('IMAGE_UNAVAILABLE');
    expect(connections).toBeGreaterThan(0);
  }, 60_000);

  test('an image that is on this machine can have any name', async () => {
    const docker = await connectEngine(engine?.socketPath ?? '');
    const name = `127.0.0.1:${port}/present:1`;
    await buildImage(docker, name, `FROM ${engine?.executorImage}\nENV PRESENT=1\n`);
    try {
      const id = await startRun(url, { command: ['true'], image: name });
      expect((await untilEnd(url, id)).status).toBe('COMPLETED');
    } finally {
      await docker.getImage(name).remove({ force: true });
    }
  }, 60_000);

  test('what the engine shows of a container has no secret of its run', async () => {
    const docker = await connectEngine(engine?.socketPath ?? '');
    const secret = `canary-${crypto.randomUUID()}`;
    const env = [{ name: 'TOKEN', value: secret, secret: true }];
    const script = 'echo started; until [ -e go ]; do sleep 0.1; done';
    const id = await startRun(url, { command: ['sh', '-c', script], env });
    await untilRun(url, id, ({ status, lines }) => status === 'RUNNING' && lines > 0);
    const [{ Id: container = '' } = {}] = await docker.listContainers({ filters: { label: [`runloom.run=${id}`] } });
    const shown = JSON.stringify(await docker.getContainer(container).inspect());
    expect(shown).toContain(id);
    expect(shown).not.toContain(secret);
    expect(shown).not.toContain(Buffer.from(secret).toString('base64'));
    await cancelRun(url, id, { force: true });
    await untilEnd(url, id);
  }, 60_000);

  test('an image that was pulled is removed when nobody has used it for its time; one in use, and those of others, stay', async () => {
    const docker = await connectEngine(engine?.socketPath ?? '');
    const directory = await mkdtemp(join(tmpdir(), 'rl-images-'));
    const images = new PulledImages({ directory, retentionMs: 60_000, log: quiet });
    const [unused, inUse, replaced, fresh, others] = ['unused', 'in-use', 'replaced', 'fresh', 'others'].map(
      (name) => `localhost/rl-${name}:1`,
    ) as [string, string, string, string, string];
    const all = [unused, inUse, replaced, fresh, others];
    const there = async (name: string): Promise<boolean> => (await orNull(docker.getImage(name).inspect())) !== null;
    for (const name of all) await buildImage(docker, name, `FROM ${engine?.executorImage}\nENV NAME=${name}\n`);
    const container = await docker.createContainer({ Image: inUse, Cmd: ['true'] });
    try {
      for (const name of all.slice(0, 4)) {
        const { Id: id } = await docker.getImage(name).inspect();
        await images.pulled({ name, id: name === replaced ? 'sha256:another' : id });
      }
      const old = new Date(Date.now() - 120_000);
      for (const file of await readdir(directory)) await utimes(join(directory, file), old, old);
      await images.used(fresh);
      await images.used(others);
      await images.removeUnused(docker);
      expect(await Promise.all(all.map(there))).toEqual([false, true, true, true, true]);
      expect(await readdir(directory)).toHaveLength(2);
    } finally {
      await container.remove({ force: true });
      for (const name of all.filter((one) => one !== unused)) await docker.getImage(name).remove({ force: true });
      await rm(directory, { recursive: true });
    }
  }, 60_000);
});
