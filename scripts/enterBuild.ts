/**
 * `npm run enter:build`: compiles executor/enter/enter.c for both architectures (Debian's gcc and
 * gcc-aarch64-linux-gnu). The programs are in the repository, since machines that run the service have no compiler.
 * Each program ends with the SHA-256 of its source, so that a test can detect an outdated one.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (name: string): string => fileURLToPath(new URL(`../executor/enter/${name}`, import.meta.url));

const FLAGS = [
  ...['-Os', '-std=c11', '-Wall', '-Wextra', '-Werror', '-ffreestanding', '-nostdlib', '-static', '-s'],
  ...['-fno-pie', '-no-pie', '-fno-stack-protector', '-fno-asynchronous-unwind-tables', '-fno-unwind-tables'],
  ...['build-id=none', '-z,noseparate-code', '-z,norelro', '-z,noexecstack'].map((flag) =>
    flag.startsWith('-') ? `-Wl,${flag}` : `-Wl,--${flag}`,
  ),
];
const MACHINES = {
  x86_64: ['-fcf-protection=none'],
  aarch64: ['-mbranch-protection=none'],
};

const source = createHash('sha256')
  .update(readFileSync(at('enter.c')))
  .digest('hex');
for (const [machine, flags] of Object.entries(MACHINES)) {
  const program = at(`enter.${machine}`);
  execFileSync(`${machine}-linux-gnu-gcc`, [...FLAGS, ...flags, '-o', program, at('enter.c')], { stdio: 'inherit' });
  appendFileSync(program, `enter.c ${source}\n`);
  process.stdout.write(`${program}\n`);
}
