/** Fails where the tree holds two copies of a library that must be one: two graphql are two realms of types. */
import { readFileSync } from 'node:fs';

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, { version: string }> };
for (const name of ['graphql', 'ioredis']) {
  const copies = Object.keys(lock.packages).filter((path) => path.endsWith(`node_modules/${name}`));
  if (copies.length !== 1) {
    process.stderr.write(`${name} is there ${copies.length} times: ${copies.join(', ')}\n`);
    process.exitCode = 1;
  }
}
