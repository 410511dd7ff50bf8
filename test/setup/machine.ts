/**
 * `npm run pretest` checks for the programs that tests need. On Debian and Ubuntu, as root, it installs missing ones with
 * apt. Elsewhere it names them, and the tests that need them are reported as skipped.
 */
import { spawn } from 'node:child_process';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

interface Need {
  readonly files: readonly string[];
  readonly debianPackage: string;
  readonly for: string;
}

const onPath = (program: string): string[] =>
  (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, program));

const NEEDS: readonly Need[] = [
  {
    files: ['/usr/bin/redis-server', '/usr/local/bin/redis-server', '/opt/homebrew/bin/redis-server'],
    debianPackage: 'redis-server',
    for: 'every test with Redis',
  },
  { files: ['/usr/bin/podman'], debianPackage: 'podman', for: 'container tests' },
  { files: ['/usr/sbin/dockerd', '/usr/bin/dockerd'], debianPackage: 'docker.io', for: 'container tests on Docker' },
  { files: ['/usr/sbin/runc', '/usr/bin/runc'], debianPackage: 'runc', for: 'container tests' },
  { files: ['/usr/sbin/ip', '/usr/bin/ip', '/sbin/ip', '/bin/ip'], debianPackage: 'iproute2', for: 'container tests' },
  {
    files: ['/usr/lib/cni/bridge', '/opt/cni/bin/bridge', '/usr/lib/podman/netavark'],
    debianPackage: 'containernetworking-plugins',
    for: 'container tests',
  },
  { files: ['/usr/sbin/iptables', '/sbin/iptables'], debianPackage: 'iptables', for: 'container tests' },
  {
    files: ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
    debianPackage: 'chromium',
    for: 'tests of pages',
  },
  { files: ['/usr/bin/tini-static'], debianPackage: 'tini', for: 'container tests' },
  { files: ['/usr/bin/busybox', '/bin/busybox'], debianPackage: 'busybox-static', for: 'container tests' },
  { files: ['/usr/sbin/nginx'], debianPackage: 'nginx-light', for: 'tests behind a reverse proxy' },
  { files: onPath('gcc'), debianPackage: 'gcc', for: 'container tests of hostile images' },
  { files: ['/usr/include/stdio.h'], debianPackage: 'libc6-dev', for: 'container tests of hostile images' },
  { files: ['/usr/bin/strace'], debianPackage: 'strace', for: 'the container test of what the executor opens' },
  { files: onPath('curl'), debianPackage: 'curl', for: 'examples of the documentation' },
  { files: onPath('python3'), debianPackage: 'python3', for: 'examples of the documentation' },
  {
    files: [...onPath('go'), '/usr/local/go/bin/go'],
    debianPackage: 'golang-go',
    for: 'examples of the documentation',
  },
  { files: onPath('javac'), debianPackage: 'default-jdk-headless', for: 'examples of the documentation' },
];

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const isMissing = async (need: Need): Promise<boolean> => !(await Promise.all(need.files.map(isThere))).includes(true);

const missingNeeds = async (): Promise<readonly Need[]> => {
  const missing = await Promise.all(NEEDS.map(isMissing));
  return NEEDS.filter((_need, index) => missing[index]);
};

const apt = (args: readonly string[]): Promise<boolean> =>
  new Promise((resolve) => {
    // DPkg::Lock::Timeout, in seconds: on a fresh machine, unattended upgrades can hold the lock.
    const child = spawn('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=120', ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });

const missing = process.platform === 'linux' ? await missingNeeds() : [];
if (missing.length > 0) {
  const packages = missing.map((need) => need.debianPackage);
  if (process.getuid?.() === 0 && (await isThere('/usr/bin/apt-get'))) {
    say(`Installing what the tests need, with apt: ${packages.join(', ')}.`);
    const install = ['install', '-y', '--no-install-recommends', ...packages];
    // Package lists are updated only if the installation fails without.
    if (!(await apt(install))) {
      await apt(['update']);
      await apt(install);
    }
  }
  for (const need of await missingNeeds()) {
    say(`Missing: ${need.debianPackage}, needed for ${need.for}. Tests that need it are skipped.`);
  }
}
