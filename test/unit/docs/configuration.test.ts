import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../../../src/config.ts';
import { namesIn, ROOT, readDocument, tableRows } from '../../support/documents.ts';

const rows = tableRows(readDocument('docs/reference/configuration.md'), '# Configuration').map(
  ([name, value = '', meaning = '']) => ({ name: namesIn(name).join(), value, meaning }),
);

test('the reference has a row for every variable of the configuration, and no other', async () => {
  const files = ['src/config.ts', 'src/configLimits.ts'].map((path) => readFile(join(ROOT, path), 'utf8'));
  const config = (await Promise.all(files)).join('\n');
  const known = [...config.matchAll(/^ {2}([A-Z][A-Z_]+):/gm)].map(([, name = '']) => name);
  // They belong to the machine, not to the service. The text below the table names them.
  const machine = ['DOCKER_HOST', 'XDG_RUNTIME_DIR'];
  expect(rows.map(({ name }) => name).sort()).toEqual(known.filter((name) => !machine.includes(name)).sort());
});

/** Defaults that the reference describes in words, with their values. Null: no value means the same. */
const IN_WORDS: Readonly<Record<string, string | null>> = {
  'a private redis-server': null,
  'built from executor/': null,
  'derived from `REDIS_URL`': null,
  'twice the CPU cores': String(2 * availableParallelism()),
  'generated once, kept in Redis': null,
};

/** What a variable of AUTH=jwt needs beside it. */
const WITH_JWT = { AUTH: 'jwt', JWT_SECRET: 's'.repeat(32), JWT_ISSUER: 'https://issuer.example', JWT_AUDIENCE: 'a' };

test('each default of the reference is the default of the service', () => {
  for (const { name, value } of rows) {
    const guarded = value.endsWith(', or none');
    const given = value in IN_WORDS ? IN_WORDS[value] : value.replace(', or none', '');
    if (!given) continue;
    const rest = name.startsWith('JWT_') ? WITH_JWT : guarded ? { AUTH: 'tokens' } : {};
    if (guarded) expect([name, readConfig({ [name]: '0' })]).toEqual([name, readConfig({})]);
    expect([name, readConfig({ ...rest, [name]: given })]).toEqual([name, readConfig(rest)]);
    expect([name, readConfig({ ...rest, [name]: otherThan(name, given) })]).not.toEqual([name, readConfig(rest)]);
  }
});

const OTHER: Readonly<Record<string, string>> = {
  HOST: '::1',
  AUTH: 'tokens',
  JWT_TENANT_CLAIM: 'org',
  JWT_SCOPES_CLAIM: 'roles',
  INTROSPECTION: 'off',
  GRAPHIQL: 'off',
  VIEWER: 'off',
  DATA_DIR: '/elsewhere',
  ROLE: 'api',
  LAUNCHER: 'process',
  EXECUTOR_NETWORK: 'none',
  LOG_LEVEL: 'warn',
};
const otherThan = (name: string, value: string): string => OTHER[name] ?? String(Number(value) + 1);

test('the service reads every variable of the reference: it refuses an invalid value', () => {
  const anything = ['DATA_DIR'];
  for (const { name } of rows.filter((row) => !anything.includes(row.name))) {
    expect(() => readConfig({ [name]: ' ?' }), name).toThrow(name);
  }
});
