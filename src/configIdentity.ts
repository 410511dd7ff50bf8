/** AUTH, ADMIN_TOKEN and JWT_*: how each is read, and which of them belong together. config.ts has the variables. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { ConfigProblem } from './config.ts';
import type { ProviderKey, ProviderOptions } from './identity/providerTokens.ts';

export interface AuthConfig {
  /** AUTH has `tokens`: API tokens are accepted, and ADMIN_TOKEN where it is not null. */
  readonly tokens: { readonly adminToken: string | null } | null;
  /** AUTH has `jwt`: tokens of this identity provider are accepted. */
  readonly provider: ProviderOptions | null;
}

type Kind = 'tokens' | 'jwt';
const KINDS: ReadonlyMap<string, readonly Kind[]> = new Map([
  ['none', []],
  ['tokens', ['tokens']],
  ['jwt', ['jwt']],
  ['tokens,jwt', ['tokens', 'jwt']],
  ['jwt,tokens', ['tokens', 'jwt']],
]);

/** What authenticates callers; empty: nothing (AUTH=none). */
export const authKinds = z
  .string()
  .transform((text, context): readonly Kind[] => {
    const kinds = KINDS.get(text.replaceAll(' ', ''));
    if (kinds !== undefined) return kinds;
    context.addIssue({ code: 'custom', message: 'must be none, tokens, jwt or tokens,jwt' });
    return z.NEVER;
  })
  .default([]);

const ADMIN_TOKEN_MIN = 32;
/** So that it fits into the headers of a request. */
const ADMIN_TOKEN_MAX = 4096;
export const adminToken = z
  .string()
  .refine(
    ({ length }) => length >= ADMIN_TOKEN_MIN && length <= ADMIN_TOKEN_MAX,
    `must have ${ADMIN_TOKEN_MIN} to ${ADMIN_TOKEN_MAX} characters (openssl rand -base64 32 makes one)`,
  )
  .refine((text) => /^[\x21-\x7e]*$/.test(text), 'must consist of visible ASCII characters, without spaces');

export const jwksUrl = z.string().transform((text, context): URL => {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return url;
  const message = 'must be the http or https address of a JSON Web Key Set, without user and password';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

const RSA_BITS_MIN = 2048;
/** NIST's curves P-256, P-384 and P-521, by the names that OpenSSL gives them. */
const CURVES = ['prime256v1', 'secp384r1', 'secp521r1'];

const parsePublicKey = (text: string): KeyObject => {
  // Many tools that set environment variables write a line break as a backslash and an n.
  const whole = text.replaceAll('\\n', '\n').trim();
  if (!whole.startsWith('{')) return createPublicKey(whole);
  return createPublicKey({ key: JSON.parse(whole), format: 'jwk' });
};

/** What is wrong with the key; null: nothing. */
const publicKeyProblem = (text: string, { asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | null => {
  if (text.includes('PRIVATE KEY') || /"d"\s*:/.test(text)) return 'is a private key: set the public one';
  const { modulusLength = 0, namedCurve = '' } = asymmetricKeyDetails ?? {};
  if (asymmetricKeyType === 'rsa') {
    return modulusLength >= RSA_BITS_MIN ? null : `is an RSA key of less than ${RSA_BITS_MIN} bits`;
  }
  if (asymmetricKeyType === 'ed25519' || CURVES.includes(namedCurve)) return null;
  return 'must be a key of RSA, Ed25519, P-256, P-384 or P-521';
};

export const publicKey = z.string().transform((text, context): KeyObject => {
  let message: string | null;
  try {
    const key = parsePublicKey(text);
    message = publicKeyProblem(text, key);
    if (message === null) return key;
  } catch {
    message = 'must be a public key as PEM or as JWK (JSON)';
  }
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** RFC 7518, 3.2: a key of HS256 has 32 bytes or more. */
const SECRET_BYTES_MIN = 32;
export const jwtSecret = z
  .string()
  .transform((text): Uint8Array => Buffer.from(text))
  .refine(({ length }) => length >= SECRET_BYTES_MIN, `must have ${SECRET_BYTES_MIN} bytes or more, as UTF-8`);

/** An issuer, an audience or the name of a claim. */
export const jwtText = z.string().regex(/^\S(.*\S)?$/, 'must not begin or end with a space');

const KEYS = ['JWT_JWKS_URL', 'JWT_PUBLIC_KEY', 'JWT_SECRET'] as const;
const REQUIRED = ['JWT_ISSUER', 'JWT_AUDIENCE'] as const;
const OF_JWT = [...KEYS, ...REQUIRED, 'JWT_TENANT_CLAIM', 'JWT_SCOPES_CLAIM'] as const;

type Given = Readonly<Record<string, string | undefined>>;

/** Variables that are missing or do not belong together. Nothing if AUTH itself is not valid. */
export const authProblems = (given: Given): readonly ConfigProblem[] => {
  const kinds = authKinds.safeParse(given.AUTH);
  if (!kinds.success) return [];
  const isSet = (variable: string): boolean => given[variable] !== undefined;
  const problems: ConfigProblem[] = [];
  const add = (message: string, ...variables: readonly string[]): void => {
    for (const variable of variables) problems.push({ variable, message });
  };
  if (!kinds.data.includes('tokens') && isSet('ADMIN_TOKEN')) {
    add('is used only with AUTH=tokens. Add tokens to AUTH, or unset it', 'ADMIN_TOKEN');
  }
  if (!kinds.data.includes('jwt')) {
    add('is used only with AUTH=jwt. Add jwt to AUTH, or unset it', ...OF_JWT.filter(isSet));
    return problems;
  }
  const keys = KEYS.filter(isSet);
  if (keys.length === 0) add(`AUTH=jwt needs one of ${KEYS.join(', ')}`, KEYS[0]);
  if (keys.length > 1) add(`only one of ${KEYS.join(', ')} can be set`, ...keys);
  add('is required with AUTH=jwt', ...REQUIRED.filter((variable) => !isSet(variable)));
  return problems;
};

export interface AuthValues {
  readonly AUTH: readonly Kind[];
  readonly ADMIN_TOKEN?: string | undefined;
  readonly JWT_JWKS_URL?: URL | undefined;
  readonly JWT_PUBLIC_KEY?: KeyObject | undefined;
  readonly JWT_SECRET?: Uint8Array | undefined;
  readonly JWT_ISSUER?: string | undefined;
  readonly JWT_AUDIENCE?: string | undefined;
  readonly JWT_TENANT_CLAIM: string;
  readonly JWT_SCOPES_CLAIM: string;
}

const providerKey = ({ JWT_JWKS_URL, JWT_PUBLIC_KEY, JWT_SECRET }: AuthValues): ProviderKey | null => {
  if (JWT_JWKS_URL !== undefined) return { kind: 'jwks', url: JWT_JWKS_URL };
  if (JWT_PUBLIC_KEY !== undefined) return { kind: 'public', key: JWT_PUBLIC_KEY };
  return JWT_SECRET === undefined ? null : { kind: 'secret', bytes: JWT_SECRET };
};

/** Null: AUTH=none. The values have no problem (authProblems). */
export const authOf = (values: AuthValues): AuthConfig | null => {
  const { AUTH: kinds, ADMIN_TOKEN = null, JWT_ISSUER: issuer = '', JWT_AUDIENCE: audience = '' } = values;
  const key = providerKey(values);
  const claims = { tenantClaim: values.JWT_TENANT_CLAIM, scopesClaim: values.JWT_SCOPES_CLAIM };
  if (kinds.length === 0) return null;
  return {
    tokens: kinds.includes('tokens') ? { adminToken: ADMIN_TOKEN } : null,
    provider: key === null ? null : { key, issuer, audience, ...claims },
  };
};
