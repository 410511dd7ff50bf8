/** The files and settings of an image never take over or hang the executor. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectEngine } from '../../../src/launchers/container/engine/engine.ts';
import type { ContainerLauncher } from '../../../src/launchers/container/launcher.ts';
import { LaunchError } from '../../../src/launchers/launcher.ts';
import { containerLauncher, REDIS_GID, REDIS_IN_CONTAINER } from '../../support/engines/engines.ts';
import { buildImage, importImage, ONLY_BUSYBOX, type RootEntry } from '../../support/engines/images.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { carryOut, newAttempt } from '../../support/runs/attempts.ts';

const run = promisify(execFile);
const engine = inject('engine');

/** A process that loads this library leaves its uid in the name of a file in /tmp. */
const BITE = `#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) static void bite(void) {
  char path[64];
  snprintf(path, sizeof path, "/tmp/bitten-%d", (int)getuid());
  close(open(path, O_CREAT | O_WRONLY, 0666));
}
`;
const compile = async (): Promise<Buffer> => {
  const directory = await mkdtemp(join(tmpdir(), 'rl-bite-'));
  try {
    await writeFile(join(directory, 'bite.c'), BITE);
    await run('gcc', ['-shared', '-fPIC', '-o', join(directory, 'bite.so'), join(directory, 'bite.c')]);
    return await readFile(join(directory, 'bite.so'));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};

const OPENSSL_CONF = `openssl_conf = all
nodejs_conf = all
[all]
providers = some
[some]
bite = one
[one]
module = /bite.so
activate = 1
`;

const fifo = (name: string): RootEntry => ({ name, type: 'fifo' });
const link = (linkname: string, name: string): RootEntry => ({ name, type: 'symlink', linkname });
const directory = (name: string): RootEntry => ({ name, type: 'directory' });
const PLAIN = /is not a plain file/;
const CLEAR =
  /^ran$|^The container could not be (created|started): the container engine refused it\.$|is not a plain file/;

/** The command of the images below. It lists /tmp, so it shows which users loaded the library. */
const LOOK = 'echo alive; id -u; ls /tmp';

describe.skipIf(engine === null)('a hostile image', () => {
  let server: TestRedis;
  let redis: Redis;
  let docker: Docker;
  let launcher: ContainerLauncher;
  let bite: Buffer;
  beforeAll(async () => {
    if (engine === null) return;
    bite = await compile();
    server = await startRedis();
    redis = await server.connect();
    docker = await connectEngine(engine.socketPath);
    launcher = await containerLauncher(engine, server);
  });
  afterAll(async () => {
    await launcher?.close();
    await server?.stop();
  });

  let built = 0;
  /** Builds on the executor image, which has its own C library and Node.js that can be attacked. */
  const build = (
    lines: string,
    files: Readonly<Record<string, Buffer | string>> = {},
    from = engine?.executorImage,
  ) => {
    built += 1;
    return buildImage(docker, `localhost/bites-${built}:1`, `FROM ${from}\nUSER 0:0\n${lines}\n`, files);
  };
  const carry = async (image: string, command: readonly string[] = ['/bin/busybox', 'sh', '-c', LOOK]) =>
    carryOut(launcher, redis, await newAttempt(redis, REDIS_IN_CONTAINER, { command, image }));
  /** Returns "ran", or the message with which the run failed. Throws otherwise, also if the run hangs. */
  const outcome = async (image: string): Promise<string> => {
    try {
      const { text, end } = await carry(image);
      expect(text).not.toContain('bitten-0');
      if (end?.status === 'COMPLETED') expect(text).toMatch(/^alive\n/);
      expect(end).not.toBeNull();
      return end?.status === 'COMPLETED' ? 'ran' : (end?.failure?.message ?? '');
    } catch (error) {
      if (!(error instanceof LaunchError)) throw error;
      return error.message;
    }
  };

  test('with /etc/ld.so.preload affects only its command', async () => {
    const lines = 'COPY bite.so /bite.so\nRUN echo /bite.so > /etc/ld.so.preload\nUSER 1000';
    const image = await build(lines, { 'bite.so': bite });
    const { text, end } = await carry(image, ['sh', '-c', `node -e 0; ${LOOK}`]);
    expect(end).toMatchObject({ status: 'COMPLETED' });
    expect(text).toBe('alive\n1000\nbitten-1000\n');
  });

  test('with openssl.cnf affects only its command', async () => {
    const places = ['/etc/ssl', '/usr/lib/ssl', '/usr/local/ssl', '/usr/local/lib/ssl'];
    const copies = places.map((place) => `COPY openssl.cnf ${place}/openssl.cnf`).join('\n');
    const files = { 'bite.so': bite, 'openssl.cnf': OPENSSL_CONF };
    const image = await build(`COPY bite.so /bite.so\n${copies}\nUSER 1000`, files);
    expect(await outcome(image)).toBe('ran');
    const { text } = await carry(image, ['sh', '-c', `node -e 'require("node:crypto").getCiphers()'; ${LOOK}`]);
    expect(text).toContain('alive\n1000\n');
    expect(text).not.toContain('bitten-0');
  });

  test('cannot make the executor load its libraries, its loader, its locale or its package.json', async () => {
    const names = ['libc.so.6', 'libm.so.6', 'libdl.so.2', 'libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2'];
    const copies = ['/lib/x86_64-linux-gnu', '/usr/lib', '/lib', '/lib64'].flatMap((place) =>
      names.map((name) => `COPY bite.so ${place}/${name}`),
    );
    const files = {
      'bite.so': bite,
      'package.json': '{"type":"commonjs","imports":{"#x":"/x"},',
      'ld.so.conf': '/lib\n',
    };
    const more = ['/', '/opt/'].map((place) => `COPY package.json ${place}package.json`);
    const image = await build([...copies, ...more, 'COPY ld.so.conf /etc/ld.so.cache'].join('\n'), files, ONLY_BUSYBOX);
    expect(await outcome(image)).toBe('ran');
  });

  test('with nsswitch.conf and its own libnss does not affect how the name of Redis is resolved', async () => {
    if (engine === null) return;
    const port = await freePort();
    await using tcp = await startRedis({ config: ['--port', String(port), '--bind', '127.0.0.1'] });
    const byName = await containerLauncher(engine, tcp, {
      network: 'host',
      redisMount: null,
    });
    const lib = [
      '/lib/x86_64-linux-gnu',
      '/usr/lib/x86_64-linux-gnu',
      '/lib',
      '/usr/lib',
      '/lib64',
      '/lib/aarch64-linux-gnu',
    ];
    const image = await build(
      `${lib.map((place) => `COPY bite.so ${place}/libnss_bite.so.2`).join('\n')}\nCOPY nsswitch.conf /etc/nsswitch.conf`,
      { 'bite.so': bite, 'nsswitch.conf': 'hosts: bite\npasswd: bite\ngroup: bite\n' },
    );
    const there = await tcp.connect();
    const spec = await newAttempt(there, `redis://localhost:${port}`, {
      command: ['/bin/busybox', 'sh', '-c', LOOK],
      image,
    });
    const { text, end } = await carryOut(byName, there, spec);
    expect(end).toMatchObject({ status: 'COMPLETED' });
    expect(text).toMatch(/^alive\n/);
    expect(text).not.toContain('bitten-0');
    await byName.close();
  });

  test('with a hostile environment affects only its command', async () => {
    const poison = {
      LD_PRELOAD: '/bite.so',
      LD_AUDIT: '/bite.so',
      LD_LIBRARY_PATH: '/',
      LD_DEBUG: 'all',
      LD_TRACE_LOADED_OBJECTS: '1',
      NODE_OPTIONS: '--require=/bite.js',
      NODE_EXTRA_CA_CERTS: '/dev/zero',
      NODE_PATH: '/',
      OPENSSL_CONF: '/openssl.cnf',
      OPENSSL_MODULES: '/',
      SSL_CERT_FILE: '/dev/zero',
      SSL_CERT_DIR: '/',
      ENV: '/bite.sh',
      BASH_ENV: '/bite.sh',
      GCONV_PATH: '/',
      LOCPATH: '/',
      LC_ALL: 'en_US.UTF-8',
      TERMINFO: '/dev/zero',
      TZ: ':/dev/zero',
      HTTP_PROXY: 'http://127.0.0.1:9',
      HTTPS_PROXY: 'http://127.0.0.1:9',
      ALL_PROXY: 'http://127.0.0.1:9',
      HOSTALIASES: '/bite',
      RES_OPTIONS: 'attempts:99',
      GLIBC_TUNABLES: 'glibc.malloc.check=3',
      TINI_SUBREAPER: '1',
      TINI_VERBOSITY: '3',
      TINI_KILL_PROCESS_GROUP: '1',
      PATH: '/nowhere',
      RUN_ID: 'another',
      RUN_KEY: 'another',
      REDIS_URL: 'redis://127.0.0.1:9',
    };
    const lines = Object.entries(poison).map(([name, value]) => `ENV ${name}="${value}"`);
    const files = { 'bite.so': bite, 'bite.js': 'require("fs").writeFileSync("/tmp/bitten-" + process.getuid(), "")' };
    const shell = 'COPY bite.sh /bite.sh\nCOPY openssl.cnf /openssl.cnf';
    const image = await build(`COPY bite.so /bite.so\nCOPY bite.js /bite.js\n${shell}\n${lines.join('\n')}`, {
      ...files,
      'bite.sh': 'echo > /tmp/bitten-$(id -u)',
      'openssl.cnf': OPENSSL_CONF,
    });
    expect(await outcome(image)).toBe('ran');
    const { text } = await carry(image, ['/bin/busybox', 'env']);
    for (const name of ['LD_PRELOAD', 'NODE_OPTIONS', 'OPENSSL_CONF', 'PATH', 'TINI_VERBOSITY'] as const) {
      expect(text).toContain(`${name}=${poison[name]}\n`);
    }
    expect(text).not.toMatch(/^(RUN_ID=another|RUN_KEY=|REDIS_URL=)/m);
  });

  const imported = (entries: readonly RootEntry[], changes: readonly string[] = []): Promise<string> => {
    built += 1;
    return importImage(docker, `localhost/imported-${built}:1`, entries, changes);
  };

  const poisonedFiles: [name: string, entries: readonly RootEntry[], expected: RegExp][] = [
    ['a FIFO for /etc/passwd', [fifo('etc/passwd')], PLAIN],
    ['a FIFO for /etc/group', [fifo('etc/group')], PLAIN],
    ['a link to a FIFO', [fifo('pipe'), link('../pipe', 'etc/passwd')], PLAIN],
    ['a directory linked with a FIFO in it', [fifo('odd/passwd'), link('/odd', 'etc')], CLEAR],
    ['a device for /etc/passwd', [{ name: 'etc/passwd', type: 'character-device', devmajor: 1, devminor: 5 }], PLAIN],
    ['a link to /dev/zero', [link('/dev/zero', 'etc/passwd')], CLEAR],
    ['a link to itself', [link('passwd', 'etc/passwd')], CLEAR],
    ['a link to the environment of the first process', [link('/proc/1/environ', 'etc/passwd')], CLEAR],
    ['a directory for /etc/passwd', [directory('etc/passwd')], CLEAR],
    ['links to nowhere', [link('/nowhere', 'etc/passwd'), link('/nowhere', 'etc/group')], /^ran$/],
    ['64 MB without a line', [{ name: 'etc/passwd', content: Buffer.alloc(64 << 20) }], CLEAR],
    [
      "FIFOs for the engine's own files",
      ['hosts', 'resolv.conf', 'hostname', 'mtab', 'localtime', 'nsswitch.conf', 'busybox.conf'].map((name) =>
        fifo(`etc/${name}`),
      ),
      CLEAR,
    ],
  ];
  test.for(poisonedFiles)('%s: its run works or fails with a clear message', async ([, entries, expected]) => {
    expect(await outcome(await imported(entries))).toMatch(expected);
  });

  test('with 20,000 users runs as the named one', async () => {
    const passwd = Array.from({ length: 20_000 }, (_, id) => `user${id}:x:${id + 1000}:${id + 2000}::/:/bin/sh\n`).join(
      '',
    );
    const image = await imported([{ name: 'etc/passwd', content: passwd }], ['USER user19999']);
    const { text } = await carry(image, ['/bin/busybox', 'sh', '-c', '/bin/busybox id -u; /bin/busybox id -g']);
    expect(text).toBe('20999\n21999\n');
  });

  const layouts: [name: string, entries: readonly RootEntry[], changes?: readonly string[]][] = [
    ['/run is a link', [link('/tmp', 'run')]],
    ['/run is a link to nowhere', [link('/nowhere/at/all', 'run')]],
    ['/opt is a link', [directory('etc'), link('/etc', 'opt')]],
    [
      '/opt/runloom is a link into a VOLUME',
      [directory('mine/bin'), link('/mine', 'opt/runloom')],
      ['VOLUME /mine/bin'],
    ],
    ['/workspace is a link', [directory('elsewhere'), link('/elsewhere', 'workspace')]],
    ['/workspace is a link to the root', [link('/', 'workspace')]],
    ['/workspace is a link to /proc', [link('/proc', 'workspace')]],
    ['/workspace is a link to itself', [link('workspace', 'workspace')]],
    ['/workspace is a file', [{ name: 'workspace', content: 'x' }]],
    ['/tmp is a link to /workspace', [link('/workspace', 'tmp')]],
    ['/tmp is a link to /dev', [link('/dev', 'tmp')]],
    ['/tmp and /workspace are links to one another', [link('/workspace', 'tmp'), link('/tmp', 'workspace')]],
    ['/proc and /sys are links', [link('/tmp', 'proc'), link('/tmp', 'sys')]],
    ['/dev is a link', [link('/tmp', 'dev')]],
  ];
  test.for(layouts)('%s: its run works or fails with a clear message', async ([, entries, changes]) => {
    expect(await outcome(await imported(entries, changes))).toMatch(
      /^ran$|^The (container|command) .*|^The directory \/workspace does not exist\.$/,
    );
    expect(await launcher.list()).toEqual([]);
  });

  const users: [user: string, expected: string | RegExp][] = [
    ['', '65534:65534'],
    ['0', '65534:65534'],
    ['root', '65534:65534'],
    ['0:1000', '65534:65534'],
    ['alias-of-root', '65534:65534'],
    ['worker', '1500:1600'],
    ['worker:helpers', '1500:1700'],
    ['worker:42', '1500:42'],
    ['1500', '1500:1600'],
    ['4242', '4242:0'],
    ['4242:helpers', '4242:1700'],
    [`4242:${REDIS_GID}`, '4242:65534'],
    ['4294967294', '4294967294:0'],
    ['nobody-knows', /not in its \/etc\/passwd/],
    ['worker:nobody-knows', /not in its \/etc\/group/],
    ['-1', /not in its \/etc\/passwd/],
    ['4294967295', /not in its \/etc\/passwd/],
    ['99999999999999999999', /not in its \/etc\/passwd/],
    ['0x10', /not in its \/etc\/passwd/],
    ['a b', /not in its \/etc\/passwd/],
    ['negative', /not in its \/etc\/passwd/],
  ];
  test('runs as its USER, never as root, and fails with a clear message if USER is invalid', async () => {
    const passwd = 'root:x:0:0::/:\nalias-of-root:x:0:0::/:\nworker:x:1500:1600::/:\nnegative:x:-5:-5::/:\n';
    const files = [
      { name: 'etc/passwd', content: passwd },
      { name: 'etc/group', content: 'root:x:0:\nhelpers:x:1700:worker\n' },
    ];
    const command = ['/bin/busybox', 'sh', '-c', 'echo $(/bin/busybox id -u):$(/bin/busybox id -g)'];
    const check = async ([user, expected]: (typeof users)[number]): Promise<void> => {
      const image = await imported(files, user === '' ? [] : [`USER ${user}`]);
      const { text, end } = await carry(image, command);
      const got = end?.status === 'COMPLETED' ? text.trim() : (end?.failure?.message ?? '');
      if (typeof expected === 'string') expect(`${user}: ${got}`).toBe(`${user}: ${expected}`);
      else expect(`${user}: ${got}`).toMatch(expected);
    };
    for (let at = 0; at < users.length; at += 4) await Promise.all(users.slice(at, at + 4).map(check));
  }, 120_000);
});

const freePort = async (): Promise<number> => {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
};
