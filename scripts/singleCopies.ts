/** Fails if package-lock.json has several copies of a library that must be unique: two graphql do not share types. */
import { readFileSync } from 'node:fs';

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, { version: string }> };
for (const name of ['graphql', 'ioredis']) {
  const copies = Object.keys(lock.packages).filter((path) => path.endsWith(`node_modules/${name}`));
  if (copies.length !== 1) {
    process.stderr.write(
      `package-lock.json has ${copies.length} copies of ${name}, but must have one: ${copies.join(', ')}\n`,
    );
    process.exitCode = 1;
  }
}
