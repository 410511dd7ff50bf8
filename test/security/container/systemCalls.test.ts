/** A command cannot enter a new namespace, in which it would have every right and no limit. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectEngine } from '../../../src/launchers/container/engine/engine.ts';
import type { ContainerLauncher } from '../../../src/launchers/container/launcher.ts';
import { containerLauncher, REDIS_IN_CONTAINER } from '../../support/engines/engines.ts';
import { importImage } from '../../support/engines/images.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { carryOut, newAttempt } from '../../support/runs/attempts.ts';

const run = promisify(execFile);
const engine = inject('engine');

/** Makes system calls by their numbers, prints those that were not refused, and checks that threads still work. */
const TRY = `#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static void *work(void *nothing) { puts("thread"); return nothing; }
static void try(const char *name, long result) {
  if (result == 0 && strncmp(name, "clone", 5) == 0) _exit(0);
  if (result >= 0 || (errno != EPERM && errno != ENOSYS)) printf("allowed %s %d\\n", name, errno);
}
int main(void) {
  struct { long flags, pidfd, child, parent, exit_signal, stack, size, tls, set, set_size, cgroup; } wide = {0};
  try("unshare user", syscall(SYS_unshare, CLONE_NEWUSER));
  try("unshare mount", syscall(SYS_unshare, CLONE_NEWNS));
  try("clone user", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
  try("clone net", syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0));
  wide.flags = CLONE_NEWUSER;
  wide.exit_signal = SIGCHLD;
  try("clone3 user", syscall(SYS_clone3, &wide, sizeof wide));
  try("mount", syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, 0));
  try("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
  try("umount", syscall(SYS_umount2, "/tmp", 0));
  try("pivot_root", syscall(SYS_pivot_root, "/tmp", "/tmp"));
  try("chroot", syscall(SYS_chroot, "/tmp"));
  try("setns", syscall(SYS_setns, 0, 0));
  try("keyctl", syscall(SYS_keyctl, 0, 0, 0, 0, 0));
  try("add_key", syscall(SYS_add_key, "user", "x", "x", 1, -3));
  try("bpf", syscall(SYS_bpf, 0, 0, 0));
  try("perf_event_open", syscall(SYS_perf_event_open, 0, 0, 0, 0, 0));
  try("userfaultfd", syscall(SYS_userfaultfd, 0));
  try("io_uring_setup", syscall(SYS_io_uring_setup, 1, 0));
  try("syslog", syscall(SYS_syslog, 3, 0, 0));
  try("quotactl", syscall(SYS_quotactl, 0, 0, 0, 0));
  try("reboot", syscall(SYS_reboot, 0, 0, 0, 0));
  try("open_by_handle_at", syscall(SYS_open_by_handle_at, 0, 0, 0));
  pthread_t thread;
  if (pthread_create(&thread, 0, work, 0) == 0) pthread_join(thread, 0);
  pid_t child = fork();
  if (child == 0) _exit(7);
  int status;
  waitpid(child, &status, 0);
  printf("child %d\\n", WEXITSTATUS(status));
  return 0;
}
`;

describe.skipIf(engine === null)('the system calls of a run', () => {
  let server: TestRedis;
  let redis: Redis;
  let launcher: ContainerLauncher;
  let image = '';
  beforeAll(async () => {
    if (engine === null) return;
    const directory = await mkdtemp(join(tmpdir(), 'rl-calls-'));
    try {
      await writeFile(join(directory, 'try.c'), TRY);
      await run('gcc', ['-static', '-pthread', '-o', join(directory, 'try'), join(directory, 'try.c')]);
      const docker = await connectEngine(engine.socketPath);
      const content = await readFile(join(directory, 'try'));
      image = await importImage(docker, 'localhost/calls:1', [{ name: 'bin/try', content }], ['USER 1000']);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
    server = await startRedis();
    redis = await server.connect();
    launcher = await containerLauncher(engine, server);
  });
  afterAll(async () => {
    await launcher?.close();
    await server?.stop();
  });

  test('cannot create namespaces, mounts, keys or kernel programs, but can create threads and processes', async () => {
    const spec = await newAttempt(redis, REDIS_IN_CONTAINER, { command: ['/bin/try'], image });
    const { text, end } = await carryOut(launcher, redis, spec);
    expect(end).toMatchObject({ status: 'COMPLETED' });
    expect(text).toBe('thread\nchild 7\n');
  });

  test('let no command be root of a user namespace, where a file system in memory would have no limit', async () => {
    const script = `/bin/busybox unshare -Ur /bin/busybox sh -c '
      echo inside; /bin/busybox mount -t tmpfs none /tmp && echo mounted' 2>&1; echo end`;
    const command = ['/bin/busybox', 'sh', '-c', script];
    const spec = await newAttempt(redis, REDIS_IN_CONTAINER, { command, image });
    const { text } = await carryOut(launcher, redis, spec);
    expect(text).not.toMatch(/inside|mounted/);
    expect(text).toMatch(/Operation not permitted\nend\n$/);
  });
});
