/** Images with VOLUMEs: they run, can't write to them without limit, and leave nothing behind. */
import type Docker from 'dockerode';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectEngine } from '../../src/launchers/container/engine/engine.ts';
import type { ContainerLauncher } from '../../src/launchers/container/launcher.ts';
import { containerLauncher, REDIS_IN_CONTAINER } from '../support/engines/engines.ts';
import { buildImage, ONLY_BUSYBOX } from '../support/engines/images.ts';
import { startRedis, type TestRedis } from '../support/redis/redis.ts';
import { carryOut, newAttempt } from '../support/runs/attempts.ts';

const engine = inject('engine');
const soon = (): AbortSignal => AbortSignal.timeout(30_000);

const WITH_FILES = `FROM ${ONLY_BUSYBOX}
RUN ["/bin/busybox", "mkdir", "-p", "/stored", "/outer/inner"]
RUN ["/bin/busybox", "touch", "/stored/of-the-image", "/outer/of-the-image", "/outer/inner/of-the-image"]
RUN ["/bin/busybox", "chmod", "-R", "0777", "/stored", "/outer"]
`;

describe.skipIf(engine === null)('an image with VOLUMEs', () => {
  let server: TestRedis;
  let redis: Redis;
  let docker: Docker;
  let launcher: ContainerLauncher;
  const installationId = crypto.randomUUID();
  beforeAll(async () => {
    if (engine === null) return;
    server = await startRedis();
    redis = await server.connect();
    docker = await connectEngine(engine.socketPath);
    launcher = await containerLauncher(engine, server, { installationId });
  });
  afterAll(async () => {
    await launcher?.close();
    await server?.stop();
  });

  const volumes = async (): Promise<readonly string[]> =>
    ((await docker.listVolumes()).Volumes ?? []).map((volume) => volume.Name).sort();
  const attempt = (image: string, script: string) =>
    newAttempt(redis, REDIS_IN_CONTAINER, { command: ['/bin/busybox', 'sh', '-c', script], image });
  /** Which of the paths a command can write to, and which files of the image it sees in them. */
  const look = async (image: string, paths: readonly string[]) => {
    const script = `for p in ${paths.join(' ')}; do
      echo x 2>/dev/null > $p/probe && echo "wrote $p"; [ -e $p/of-the-image ] && echo "sees $p"; done; true`;
    const { text, end } = await carryOut(launcher, redis, await attempt(image, script));
    expect(end).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
    return text.trim().split('\n').filter(Boolean);
  };

  const layouts: [name: string, volumes: readonly string[], sees: readonly string[]][] = [
    ['one', ['/stored'], ['sees /stored']],
    ['a trailing slash', ['/stored/'], ['sees /stored/']],
    ['the same one twice', ['/stored', '/stored//'], ['sees /stored', 'sees /stored//']],
    ['one in another', ['/outer', '/outer/inner'], ['sees /outer', 'sees /outer/inner']],
    ['one in another, in a path that the image does not have', ['/stored', '/stored/not/there'], []],
    ['a relative path', ['relative/path'], []],
    ['paths of runloom', ['/opt/runloom', '/run', '/run/runloom', '/run/runloom-redis', '/var/tmp'], []],
    ['many', Array.from({ length: 40 }, (_, index) => `/many/${index}`), []],
  ];
  test.for(layouts)('runs, and cannot write there: %s', async ([name, paths, sees]) => {
    const image = `localhost/volumes-${name.replace(/\W+/g, '-')}:1`;
    await buildImage(docker, image, `${WITH_FILES}VOLUME ${JSON.stringify(paths)}\n`);
    const before = await volumes();
    expect(await look(image, paths)).toEqual(sees);
    expect(await volumes()).toEqual(before);
    expect(await launcher.list()).toEqual([]);
  });

  test('has VOLUMEs below /workspace and /tmp writable, and limited like these', async () => {
    const paths = ['/workspace', '/workspace/cache', '/tmp/sub/'];
    const image = await buildImage(
      docker,
      'localhost/volumes-rooms:1',
      `${WITH_FILES}VOLUME ${JSON.stringify(paths)}\n`,
    );
    expect(await look(image, paths)).toEqual(paths.map((path) => `wrote ${path}`));
    const fill = `for p in ${paths.join(' ')}; do /bin/busybox dd if=/dev/zero of=$p/big bs=1M count=40 2>&1 | /bin/busybox grep -c 'No space'; done`;
    expect((await carryOut(launcher, redis, await attempt(image, fill))).text).toBe('1\n1\n1\n');
  });

  test('leaves no volume of a launch that was abandoned, or that another service began and did not finish', async () => {
    const image = await buildImage(docker, 'localhost/volumes-left:1', `${WITH_FILES}VOLUME /stored\n`);
    const before = await volumes();
    const leaving = new AbortController();
    const given = await attempt(image, 'true');
    const launching = launcher.launch(given, () => leaving.abort(new Error('leaving')), leaving.signal);
    await expect(launching).rejects.toThrow('leaving');
    expect(await volumes()).toEqual(before);

    const left = await attempt(image, '/bin/busybox sleep 600');
    await launcher.launch(left, () => undefined, soon());
    const [container] = await docker.listContainers({ all: true, filters: { label: [`runloom.run=${left.runId}`] } });
    await docker.getContainer(container?.Id ?? '').remove({ force: true, v: true });
    expect(await volumes()).not.toEqual(before);
    // As the reconciler removes an attempt of which only the volume is left.
    expect(await launcher.list()).toEqual([{ runId: left.runId, attempt: 1 }]);
    const found = await launcher.find(left.runId, 1);
    expect(await found?.wait(soon())).toMatchObject({ exitCode: null });
    await found?.remove();
    expect(await volumes()).toEqual(before);
    expect(await launcher.list()).toEqual([]);
  });

  test('leaves the containers of another installation on the same engine alone', async () => {
    if (engine === null) return;
    const other = await containerLauncher(engine, server);
    const image = await buildImage(docker, 'localhost/volumes-left:1', `${WITH_FILES}VOLUME /stored\n`);
    const spec = await attempt(image, '/bin/busybox sleep 600');
    const execution = await other.launch(spec, () => undefined, soon());
    expect(await launcher.list()).toEqual([]);
    await execution.remove();
    await other.close();
  });
});
