import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../src/config.ts';
import { NO_LIMITS } from '../../src/limits/limitSettings.ts';

const problemsOf = (env: Record<string, string>): Record<string, string> => {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) {
      return Object.fromEntries(error.problems.map(({ variable, message }) => [variable, message]));
    }
    throw error;
  }
  return {};
};

test('the defaults are those of docs/reference/configuration.md', () => {
  expect(readConfig({})).toEqual({
    host: '127.0.0.1',
    port: 4000,
    allowedOrigins: null,
    introspection: true,
    graphiql: true,
    viewer: true,
    persistedDocuments: null,
    auth: null,
    openToNetwork: false,
    redisUrl: null,
    dataDirectory: resolve('data'),
    role: 'all',
    launcher: 'auto',
    containerSocket: null,
    dockerHost: null,
    executorImage: null,
    executorRedisUrl: null,
    executorNetwork: 'bridge',
    allotment: {
      allowedImages: null,
      defaultMemoryMb: 1024,
      defaultCpus: 1,
      maxMemoryMb: null,
      maxCpus: null,
      maxTimeoutSeconds: null,
    },
    maxConcurrentRuns: 2 * availableParallelism(),
    maxSocketsPerAddress: 2000,
    limits: { ...NO_LIMITS, documentCost: 1_000_000, queuedRuns: 10_000 },
    maxLineBytes: 65_536,
    maxLogBytes: 268_435_456,
    retentionMs: 168 * 3_600_000,
    cancelGraceMs: 10_000,
    imageRetentionMs: 604_800_000,
    logLevel: 'info',
    secretsKey: null,
    runtimeDirectory: null,
    childEnvironment: {},
  });
});

test('an empty value counts as unset', () => {
  const names = ['HOST', 'PORT', 'ALLOWED_ORIGINS', 'ALLOW_NO_AUTH', 'REDIS_URL', 'DATA_DIR', 'LAUNCHER', 'LOG_LEVEL'];
  expect(readConfig(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(readConfig({}));
});

test('reports all problems at once, each with its variable', () => {
  const problems = problemsOf({
    HOST: 'http://x',
    PORT: '65536',
    ALLOWED_ORIGINS: '*',
    ALLOW_NO_AUTH: 'yes',
    REDIS_URL: 'http://localhost',
    LAUNCHER: 'rocket',
    CONTAINER_SOCKET: 'relative.sock',
    EXECUTOR_IMAGE: 'two words',
    EXECUTOR_REDIS_URL: 'localhost:6379',
    EXECUTOR_NETWORK: '-x',
    MAX_CONCURRENT_RUNS: '0',
    MAX_LINE_BYTES: '1e3',
    MAX_LOG_BYTES: '-1',
    RETENTION_HOURS: 'long',
    CANCEL_GRACE_SECONDS: '-1',
    LOG_LEVEL: 'loud',
    SECRETS_KEY: 'short',
    AUTH: 'jwt',
    JWT_JWKS_URL: 'ftp://x',
    JWT_SECRET: 'short',
    JWT_AUDIENCE: ' x',
    ADMIN_TOKEN: 'short',
  });
  expect(Object.keys(problems).sort()).toEqual(
    [
      ...['ALLOWED_ORIGINS', 'ALLOW_NO_AUTH', 'CANCEL_GRACE_SECONDS', 'CONTAINER_SOCKET', 'EXECUTOR_IMAGE'],
      ...['EXECUTOR_NETWORK', 'EXECUTOR_REDIS_URL', 'HOST', 'LAUNCHER', 'LOG_LEVEL', 'MAX_CONCURRENT_RUNS'],
      ...['ADMIN_TOKEN', 'JWT_JWKS_URL', 'JWT_SECRET', 'JWT_ISSUER', 'JWT_AUDIENCE'],
      ...['MAX_LINE_BYTES', 'MAX_LOG_BYTES', 'PORT', 'REDIS_URL', 'RETENTION_HOURS', 'SECRETS_KEY'],
    ].sort(),
  );
});

test('a problem is reported as a line with the variable and how to correct it', () => {
  expect(() => readConfig({ PORT: 'x', LAUNCHER: 'kubernetes' })).toThrow(
    /^PORT: must be a whole number.*\nLAUNCHER: kubernetes is not supported yet; use auto, container or process$/,
  );
});

test('a HOST that is not loopback is refused unless ALLOW_NO_AUTH is 1', () => {
  expect(problemsOf({ HOST: '0.0.0.0' }).HOST).toMatch(/ALLOW_NO_AUTH=1/);
  expect(problemsOf({ HOST: '::', ALLOW_NO_AUTH: '0' }).HOST).toMatch(/not loopback/);
  expect(problemsOf({ HOST: 'example.org', PORT: 'x' })).toHaveProperty('HOST');
  expect(readConfig({ HOST: '0.0.0.0', ALLOW_NO_AUTH: '1' }).openToNetwork).toBe(true);
  const tokens = readConfig({ HOST: '0.0.0.0', AUTH: 'tokens', ADMIN_TOKEN: 'a'.repeat(32) });
  expect(tokens.openToNetwork).toBe(false);
  expect(problemsOf({ HOST: '0.0.0.0', AUTH: 'everybody' })).toEqual({ AUTH: expect.any(String) });
  for (const host of ['127.0.0.1', '127.8.9.1', '::1', '[::1]', 'localhost']) {
    expect(readConfig({ HOST: host }).openToNetwork).toBe(false);
  }
});

test.each([
  ['INTROSPECTION', 'yes', /on or off/],
  ['GRAPHIQL', '1', /on or off/],
  ['VIEWER', 'no', /on or off/],
  ['ALLOWED_IMAGES', 'alpine,,busybox', /separated by commas/],
  ['ALLOWED_IMAGES', 'al pine', /separated by commas/],
  ['PERSISTED_DOCUMENTS', '/nowhere/documents.json', /cannot be read: ENOENT/],
  ['PERSISTED_DOCUMENTS', 'README.md', /it is not JSON/],
  ['PERSISTED_DOCUMENTS', 'package.json', /must be a JSON object of documents/],
])('%s=%s is a problem', (name, value, problem) => {
  expect(problemsOf({ [name]: value })[name]).toMatch(problem);
});

test('PORT=0 is allowed: the service then takes a free port', () => {
  expect(readConfig({ PORT: '0' }).port).toBe(0);
});

test('ALLOWED_ORIGINS is a comma-separated list of scheme, host and port, which is normalized', () => {
  const asked =
    'HTTPS://Runs.example.org, http://localhost:3000/,http://[::1]:80,https://a.example:443/,tauri://localhost/';
  expect(readConfig({ ALLOWED_ORIGINS: asked }).allowedOrigins).toEqual([
    'https://runs.example.org',
    'http://localhost:3000',
    'http://[::1]',
    'https://a.example',
    'tauri://localhost',
  ]);
  const bad = [
    '*',
    'null',
    'https://*.example.org',
    'example.org',
    'https://x//',
    'https://x/?q',
    'http://',
    'https://x/path',
    'https://u@x',
    'https://x?q',
  ];
  for (const origin of [...bad, 'https://x:99999', 'https://a.example,,https://b.example']) {
    expect(problemsOf({ ALLOWED_ORIGINS: origin }), origin).toHaveProperty('ALLOWED_ORIGINS');
  }
  const told = (origin: string) => problemsOf({ ALLOWED_ORIGINS: origin }).ALLOWED_ORIGINS;
  expect(told('https://*.example.org')).toContain('wildcard');
  expect(told('localhost:5173')).toContain('write http://localhost:5173');
  expect(told('https://x/path')).toContain('"https://x/path" is not an origin. Write scheme://host[:port]');
});

test('hours and seconds become milliseconds, and may have decimals', () => {
  const config = readConfig({ RETENTION_HOURS: '0.5', CANCEL_GRACE_SECONDS: '1.5', MAX_LOG_BYTES: '100000' });
  expect([config.retentionMs, config.cancelGraceMs, config.maxLogBytes]).toEqual([1_800_000, 1500, 100_000]);
});

test('the secrets key is 32 bytes in base64, base64url or hexadecimal', () => {
  const key = randomBytes(32);
  for (const encoding of ['base64', 'base64url', 'hex'] as const) {
    expect(readConfig({ SECRETS_KEY: key.toString(encoding) }).secretsKey).toEqual(key);
  }
  expect(problemsOf({ SECRETS_KEY: randomBytes(31).toString('base64') })).toHaveProperty('SECRETS_KEY');
});

test('REDIS_URL is redis://, rediss:// or unix:///path', () => {
  for (const url of ['redis://h', 'rediss://u:p@h:1/2', 'unix:///run/redis.sock', 'unix://u:p@/run/redis.sock?db=1']) {
    expect(readConfig({ REDIS_URL: url }).redisUrl).toBe(url);
  }
  for (const url of ['unix://', 'unix://relative', 'h:6379', '/run/redis.sock', 'redis://h/x']) {
    expect(problemsOf({ REDIS_URL: url }), url).toHaveProperty('REDIS_URL');
  }
});

test('a problem does not show the password of a bad address', () => {
  expect(
    JSON.stringify(problemsOf({ REDIS_URL: 'http://u:hunter2@h', EXECUTOR_REDIS_URL: 'redis://u:hunter2@h/x' })),
  ).not.toContain('hunter2');
});

test('child processes get PATH, LANG and TZ and nothing else', () => {
  const env = { PATH: '/bin', TZ: 'UTC', HOME: '/root', REDIS_URL: 'redis://h' };
  expect(readConfig(env).childEnvironment).toEqual({ PATH: '/bin', TZ: 'UTC' });
});

const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PEM = RSA.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const JWT = { AUTH: 'jwt', JWT_ISSUER: 'https://issuer.example', JWT_AUDIENCE: 'runloom' };

test('AUTH is none, tokens, jwt or both; with jwt there is one key, an issuer and an audience', () => {
  expect(readConfig({ AUTH: 'none' }).auth).toBeNull();
  expect(readConfig({ AUTH: 'tokens' }).auth).toEqual({ tokens: { adminToken: null }, provider: null });
  const both = { ...JWT, AUTH: 'jwt, tokens', JWT_SECRET: 's'.repeat(32), ADMIN_TOKEN: 'a'.repeat(32) };
  expect(readConfig(both).auth).toEqual({
    tokens: { adminToken: 'a'.repeat(32) },
    provider: {
      key: { kind: 'secret', bytes: Buffer.from('s'.repeat(32)) },
      issuer: JWT.JWT_ISSUER,
      audience: 'runloom',
      tenantClaim: 'tenant',
      scopesClaim: 'scope',
    },
  });
  expect(Object.keys(problemsOf({ AUTH: 'jwt' })).sort()).toEqual(['JWT_AUDIENCE', 'JWT_ISSUER', 'JWT_JWKS_URL']);
  const two = { ...JWT, JWT_SECRET: 's'.repeat(32), JWT_JWKS_URL: 'https://issuer.example/jwks' };
  expect(Object.keys(problemsOf(two)).sort()).toEqual(['JWT_JWKS_URL', 'JWT_SECRET']);
  for (const AUTH of ['', 'none', 'tokens']) {
    for (const [name, value] of Object.entries(two).filter(([key]) => key !== 'AUTH')) {
      expect(problemsOf({ AUTH, [name]: value })[name]).toContain('only with AUTH=jwt');
    }
  }
  for (const AUTH of ['None', 'tokens,none', 'token', 'jwt;tokens', ','])
    expect(problemsOf({ AUTH })).toHaveProperty('AUTH');
});

test('ADMIN_TOKEN has 32 characters or more that fit into a header, and is used only with tokens', () => {
  const told = (AUTH: string, ADMIN_TOKEN: string) => problemsOf({ AUTH, ADMIN_TOKEN }).ADMIN_TOKEN;
  expect(told('tokens', 'x'.repeat(32))).toBeUndefined();
  expect(told('tokens', 'x'.repeat(31))).toContain('32');
  for (const wrong of ['x '.repeat(20), 'ä'.repeat(40), `${'x'.repeat(40)}\n`]) {
    expect(told('tokens', wrong)).toContain('visible');
  }
  expect(told('none', 'x'.repeat(32))).toContain('only with AUTH=tokens');
  expect(told('', 'x'.repeat(32))).toContain('only with AUTH=tokens');
});

test('JWT_PUBLIC_KEY is a public key of a sufficient strength, as PEM or JWK', () => {
  const told = (JWT_PUBLIC_KEY: string) => problemsOf({ ...JWT, JWT_PUBLIC_KEY }).JWT_PUBLIC_KEY;
  const pem = ({ publicKey }: { readonly publicKey: KeyObject }): string =>
    publicKey.export({ type: 'spki', format: 'pem' }).toString();
  expect(told(PEM)).toBeUndefined();
  expect(told(PEM.replaceAll('\n', '\\n'))).toBeUndefined();
  expect(told(JSON.stringify(RSA.publicKey.export({ format: 'jwk' })))).toBeUndefined();
  expect(told(pem(generateKeyPairSync('ed25519')))).toBeUndefined();
  expect(told(pem(generateKeyPairSync('ec', { namedCurve: 'P-384' })))).toBeUndefined();
  expect(told(pem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' })))).toContain('P-256');
  expect(told(pem(generateKeyPairSync('rsa', { modulusLength: 1024 })))).toContain('2048');
  expect(told(RSA.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())).toContain('private');
  expect(told(JSON.stringify(RSA.privateKey.export({ format: 'jwk' })))).toContain('private');
  expect(told(JSON.stringify({ kty: 'oct', k: 'c2VjcmV0' }))).toContain('public key');
  expect(told('nonsense')).toContain('public key');
});

test('a problem shows no token, secret or key', () => {
  const secret = 'hunter2';
  const env = { ...JWT, JWT_SECRET: secret, ADMIN_TOKEN: secret, JWT_JWKS_URL: `https://u:${secret}@x/`, AUTH: secret };
  const told = [problemsOf(env), problemsOf({ ...env, AUTH: 'tokens,jwt', JWT_PUBLIC_KEY: secret })];
  expect(JSON.stringify(told)).not.toContain(secret);
});

test('limits of callers and addresses have defaults where callers are told apart, and can be set and turned off', () => {
  const guarded = readConfig({ AUTH: 'tokens' }).limits;
  expect(guarded).toMatchObject({ startsPerMinute: { caller: 1000, address: 5000 }, socketsPerCaller: 4000 });
  expect(readConfig({ HOST: '0.0.0.0', ALLOW_NO_AUTH: '1' }).limits).toEqual(guarded);
  expect(readConfig({ AUTH: 'tokens', LIMIT_STARTS_PER_MINUTE: '0' }).limits.startsPerMinute.caller).toBe(0);
  expect(readConfig({ LIMIT_STARTS_PER_MINUTE: '7' }).limits.startsPerMinute).toEqual({ caller: 7, address: 0 });
  const wrong = { LIMIT_STARTS_PER_MINUTE: '-1', LIMIT_COST_PER_MINUTE: 'off', MAX_DOCUMENT_COST: '1e9' };
  expect(Object.keys(problemsOf(wrong)).sort()).toEqual(Object.keys(wrong).sort());
});
