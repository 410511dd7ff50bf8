/** What a command in a run's container is, sees and can do, checked by the command itself. */
import { readFileSync, readlinkSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { ContainerLauncher } from '../../src/launchers/container/launcher.ts';
import { containerLauncher, REDIS_GID, REDIS_IN_CONTAINER } from '../support/engines/engines.ts';
import { startRedis, type TestRedis } from '../support/redis/redis.ts';
import { type AttemptOptions, type Carried, carryOut, newAttempt } from '../support/runs/attempts.ts';

const engine = inject('engine');
const BUSYBOX = 'localhost/only-busybox:1';
const AWKWARD = 'localhost/awkward:1';

describe.skipIf(engine === null)('inside a container', () => {
  let server: TestRedis;
  let redis: Redis;
  let launcher: ContainerLauncher;
  beforeAll(async () => {
    if (engine === null) return;
    server = await startRedis();
    redis = await server.connect();
    launcher = await containerLauncher(engine, server);
  }, 180_000);
  afterAll(async () => {
    await launcher?.close();
    await server?.stop();
  });

  const run = async (options: AttemptOptions): Promise<Carried> =>
    carryOut(launcher, redis, await newAttempt(redis, REDIS_IN_CONTAINER, options));
  const sh = (script: string, more: Partial<AttemptOptions> = {}): Promise<Carried> =>
    run({ command: ['sh', '-c', script], ...more });
  /** Works in an image with only busybox, where no applet has a file. */
  const busybox = (script: string, more: Partial<AttemptOptions> = {}): Promise<Carried> =>
    run({ command: ['/bin/busybox', 'sh', '-c', script], image: BUSYBOX, ...more });

  test('has its own PID, mount, IPC and host name namespaces', async () => {
    const { text } = await sh('for kind in pid mnt ipc uts net; do readlink /proc/self/ns/$kind; done');
    const seen = text.trim().split('\n');
    const own = ['pid', 'mnt', 'ipc', 'uts', 'net'].map((kind) => readlinkSync(`/proc/self/ns/${kind}`));
    expect(seen).toHaveLength(5);
    for (const [index, namespace] of own.entries()) expect(seen[index]).not.toBe(namespace);
  });

  test('sees tini as its first process, and no process of the machine', async () => {
    const { text } = await sh('cat /proc/1/comm; ls /proc | grep -c "^[0-9]"');
    const [first, count] = text.trim().split('\n');
    expect(first).toBe('tini');
    expect(Number(count)).toBeLessThan(10);
  });

  test('sees the file system of its image and not that of the machine', async () => {
    const { text } = await busybox('/bin/busybox ls /; /bin/busybox ls /bin');
    const names = text.trim().split('\n');
    expect(names).not.toContain('home');
    expect(names).not.toContain('boot');
    expect(names.filter((name) => name === 'busybox')).toHaveLength(1);
  });

  test('sees its memory, CPU and process limits', async () => {
    const read = (v2: string, v1: string): string => `cat /sys/fs/cgroup/${v2} 2>/dev/null || cat /sys/fs/cgroup/${v1}`;
    const { text } = await sh(
      [
        read('memory.max', 'memory/memory.limit_in_bytes'),
        read('cpu.max', 'cpu/cpu.cfs_quota_us'),
        read('pids.max', 'pids/pids.max'),
      ].join('; '),
      { resources: { memoryMb: 128, cpus: 0.5 } },
    );
    const [memory, cpu, pids] = text.trim().split('\n');
    expect(memory).toBe(String(128 * 1024 * 1024));
    expect(cpu).toMatch(/^50000( 100000)?$/);
    expect(pids).toBe('256');
  });

  test('makes no core dumps: neither a command that crashes nor its executor may', async () => {
    const look = 'for p in /proc/[0-9]*; do echo "$(cat $p/comm): $(grep "Max core" $p/limits)"; done';
    const { text } = await sh(`${look} | grep -v '^tini'; sh -c 'kill -SEGV $$'; echo "left: $(ls -A)"`);
    const limits = text.split('\n').filter((line) => line.includes('Max core'));
    const names = limits.map((line) => line.split(':')[0]);
    // Node.js names its main thread.
    expect(names).toContainEqual(expect.stringMatching(/^(node|MainThread)$/));
    expect(names).toContain('sh');
    for (const line of limits) expect(line).toMatch(/: Max core file size +0 +0 /);
    expect(text).toMatch(/^left: $/m);
  });

  test('cannot start an unlimited number of processes', async () => {
    const { text } = await sh('i=0; while [ $i -lt 400 ]; do sleep 5 & i=$((i+1)); done 2>&1; echo end');
    expect(text).toMatch(/can't fork|Resource temporarily unavailable/);
  });

  test('runs an image that holds only busybox', async () => {
    const { text, end } = await busybox('echo hello from busybox; /bin/busybox id -u; /bin/busybox pwd');
    expect(text).toBe('hello from busybox\n65534\n/workspace\n');
    expect(end).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
  });

  test('has its orphans reaped', async () => {
    const { text } = await busybox(
      `i=0; while [ $i -lt 20 ]; do (/bin/busybox true & ) ; i=$((i+1)); done
       /bin/busybox sleep 0.5
       z=0; for f in /proc/[0-9]*/stat; do read pid name state rest < $f; [ "$state" = Z ] && z=$((z+1)); done
       echo zombies $z`,
    );
    expect(text).toBe('zombies 0\n');
  });

  test('takes only the variables and the user from the settings of the image', async () => {
    const { text, end } = await run({ command: ['/bin/busybox', 'env'], image: AWKWARD });
    expect(end).toMatchObject({ status: 'COMPLETED' });
    const lines = text.trim().split('\n');
    expect(lines).toContain('FROM_IMAGE=yes');
    expect(lines).toContain('HOME=/workspace');
    expect(lines.filter((line) => /^(REDIS_URL|RUN_KEY)=/.test(line))).toEqual([]);
    const { text: who } = await run({
      command: ['/bin/busybox', 'sh', '-c', '/bin/busybox id -u; /bin/busybox id -g; /bin/busybox ls -A /workspace'],
      image: AWKWARD,
    });
    expect(who).toBe('1234\n1234\n');
  });

  test('can write only in /workspace, /tmp and shared memory, not even in a VOLUME of an image', async () => {
    const places =
      '/ /bin /dev /opt/runloom /opt/runloom/bin /proc/sys /run /run/runloom-redis /stored /sys/fs/cgroup /var/tmp';
    const { text } = await run({
      command: [
        '/bin/busybox',
        'sh',
        '-c',
        `for p in ${places}; do echo x 2>/dev/null > $p/probe && echo "wrote $p"; done
         for p in /workspace /tmp /dev/shm; do echo x > $p/probe && echo "may $p"; done
         /bin/busybox ls /stored`,
      ],
      image: AWKWARD,
    });
    expect(text.split('\n').filter((line) => line.startsWith('wrote'))).toEqual([]);
    expect(text).toContain('may /workspace\nmay /tmp\nmay /dev/shm\n');
    expect(text).toContain('of-the-image');
  });

  test('finds no place where it could write more than the tmpfs mounts hold', async () => {
    const { text } = await sh(
      `for m in $(cut -d' ' -f2 /proc/mounts); do [ -d "$m" ] && touch "$m/probe" 2>/dev/null && echo "$m"; done
       find / -xdev -type d 2>/dev/null | while read -r d; do touch "$d/probe" 2>/dev/null && echo "$d"; done`,
    );
    const found = new Set(text.trim().split('\n'));
    // The kernel bounds the content of /dev/mqueue (mq_overview(7)).
    found.delete('/dev/mqueue');
    expect([...found].sort()).toEqual(['/dev/shm', '/tmp', '/workspace']);
  });

  test('limits /workspace and /tmp, lets programs run there, and starts them empty', async () => {
    const { text } = await busybox(
      `/bin/busybox ls -A /workspace /tmp | /bin/busybox grep -v : | /bin/busybox grep -v '^$'
       for d in /workspace /tmp; do
         /bin/busybox dd if=/dev/zero of=$d/big bs=1M count=40 2>&1 | /bin/busybox grep -c 'No space left'
         /bin/busybox rm $d/big; /bin/busybox cp /bin/busybox $d/busybox; $d/busybox echo runs
       done`,
    );
    expect(text).toBe('1\nruns\n1\nruns\n');
  });

  test('can open /dev/stdout and /dev/stderr, and its standard input is empty', async () => {
    const { events } = await sh(
      'echo one > /dev/stdout; echo two > /dev/stderr; cat | wc -c; echo three >> /dev/stdout',
    );
    const lines = events.flatMap((event) => (event.kind === 'LogLine' ? [`${event.stream} ${event.message}`] : []));
    expect(lines.filter((line) => line.startsWith('STDOUT'))).toEqual(['STDOUT one', 'STDOUT 0', 'STDOUT three']);
    expect(lines).toContain('STDERR two');
  });

  test('cannot read or signal the executor, nor become root', async () => {
    // The script runs without `set -e`: a line that succeeds but must not prints a message.
    const { text } = await sh(`
      executor=$(for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < $f 2>/dev/null | grep -q '^/opt/runloom/lib/ld.so' && echo $f; done | cut -d/ -f3 | head -n 1)
      echo "executor $executor"
      for pid in 1 $executor; do
        for what in environ mem maps auxv; do cat /proc/$pid/$what > /dev/null 2>&1 && [ "$(head -c 1 /proc/$pid/$what 2>/dev/null | wc -c)" = 1 ] && echo "read $pid $what"; done
        ls /proc/$pid/fd/ 2>/dev/null | grep -q . && echo "listed $pid fd"
        ls -l /proc/$pid/root/ > /dev/null 2>&1 && echo "entered $pid root"
        kill -9 $pid 2>/dev/null && echo "signalled $pid"
        kill -0 $pid 2>/dev/null && echo "may signal $pid"
        echo 0 2>/dev/null > /proc/$pid/oom_score_adj && echo "changed $pid oom_score_adj"
      done
      grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs)' /proc/self/status
      busybox su -c id root 2>&1 | grep uid=0
      cp /bin/busybox /workspace/id; chmod 4755 /workspace/id; /workspace/id -u
      busybox chroot / id 2>&1 | grep uid=0
      busybox mount -t tmpfs none /tmp 2>/dev/null && echo mounted
      # Podman's seccomp profile lets anybody be root of a user namespace of his own; it must gain nothing by that.
      busybox unshare -Ur sh -c "
        cat /proc/1/environ > /dev/null 2>&1 && echo read as root of a namespace
        kill -9 1 $executor 2> /dev/null && echo signalled as root of a namespace
        ls /run/runloom-redis 2> /dev/null && echo listed as root of a namespace
        ls /proc/$executor/fd/ 2> /dev/null | grep -q . && echo listed fd as root of a namespace
        touch /etc/probe /opt/runloom/probe 2> /dev/null && echo wrote as root of a namespace" 2> /dev/null
      echo end`);
    expect(text).toMatch(/^executor \d+$/m);
    expect(text).not.toMatch(/^(read|listed|entered|signalled|may signal|changed|mounted|wrote)/m);
    expect(text).not.toMatch(/uid=0/);
    expect(text).toMatch(/Uid:\s+1000\s+1000\s+1000\s+1000/);
    expect(text).toMatch(/Groups:\s*$/m);
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) expect(text).toMatch(new RegExp(`${set}:\\s+0{16}`));
    expect(text).toMatch(/NoNewPrivs:\s+1/);
    expect(text).toMatch(/^1000\nend$/m);
  });

  test('cannot talk to Redis, nor reach the directory of its socket', async () => {
    expect(readFileSync('/proc/self/status', 'utf8')).not.toContain(String(REDIS_GID));
    const { text } = await sh(`
      socket=$(cut -d' ' -f5 /proc/self/mountinfo | grep '/run/runloom-redis$')/redis.sock
      ls $(dirname $socket) 2>&1 | grep -q redis.sock && echo listed
      node -e "const s = require('node:net').connect(process.argv[1]);
        s.on('connect', () => { console.log('connected'); process.exit(); });
        s.on('error', (error) => console.log(error.code));" $socket
      grep -rl unix:///run/runloom-redis /proc/[0-9]*/environ /workspace /tmp 2>/dev/null
      node -e "for (const fd of require('node:fs').readdirSync('/proc/self/fd')) {
        try { console.log('fd', require('node:fs').readlinkSync('/proc/self/fd/' + fd)) } catch {} }" | grep -c socket:
      echo end`);
    expect(text).toBe('EACCES\n0\nend\n');
  });

  test('has its three standard files open, and no file of the executor', async () => {
    const { text } = await busybox(
      'for f in /proc/self/fd/*; do [ -e $f ] && /bin/busybox basename $f; done; /bin/busybox pwd',
    );
    expect(text.replace(/^(?![012]$)\d+\n/gm, '')).toBe('0\n1\n2\n/workspace\n');
    const { text: links } = await busybox('/bin/busybox ls -l /proc/self/fd /proc/self/cwd /proc/self/root');
    expect(links).toMatch(/cwd -> \/workspace$/m);
    expect(links).toMatch(/root -> \/$/m);
    expect(links).not.toMatch(/environ|passwd|-> \/\.runloom-[0-9a-f]+$/m);
  });

  test('has no network if the network setting is none', async () => {
    const { text } = await sh(
      `ls /sys/class/net; node -e "require('node:net').connect(80, '10.88.0.1').on('error', (error) => console.log(error.code))"`,
    );
    expect(text.split('\n')[0]).toBe('lo');
    expect(text).toMatch(/ENETUNREACH/);
  });

  test('reports an out-of-memory kill as such, and survives that of a command', async () => {
    const script = 'const hold = []; for (;;) hold.push(Buffer.alloc(8 << 20, 1));';
    const { end, events } = await run({ command: ['node', '-e', script], resources: { memoryMb: 160, cpus: null } });
    expect(end?.failure?.reason).toBe('OUT_OF_MEMORY');
    expect(events.some((event) => event.kind === 'ContainerEvent' && event.containerEvent === 'OUT_OF_MEMORY')).toBe(
      true,
    );
  });
});
