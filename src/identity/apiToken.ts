/**
 * API tokens as texts: the prefix `rl_`, 43 digits of base 62 (256 random bits) and 6 digits of checksum. Secret
 * scanners find them by prefix and checksum, as they find GitHub's
 * (https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/). Pure, but for the
 * random bits.
 */
import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const PREFIX = 'rl_';
const SECRET_BYTES = 32;
const SECRET_DIGITS = 43;
const CHECKSUM_DIGITS = 6;
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const TOKEN = new RegExp(`^${PREFIX}[0-9A-Za-z]{${SECRET_DIGITS + CHECKSUM_DIGITS}}$`);

const base62 = (value: bigint, digits: number): string => {
  let text = '';
  for (let rest = value; text.length < digits; rest /= 62n) text = `${DIGITS[Number(rest % 62n)]}${text}`;
  return text;
};

/** CRC-32 of the text before it, as in zlib. */
const checksumOf = (text: string): string => base62(BigInt(crc32(text)), CHECKSUM_DIGITS);

/** A new token. It is shown once; only its hash is stored. */
export const newApiToken = (): string => {
  const secret = BigInt(`0x${randomBytes(SECRET_BYTES).toString('hex')}`);
  const text = `${PREFIX}${base62(secret, SECRET_DIGITS)}`;
  return `${text}${checksumOf(text)}`;
};

/** Whether the text has the form of an API token, checksum included. It says nothing about whether the token exists. */
export const isApiToken = (text: string): boolean =>
  TOKEN.test(text) && checksumOf(text.slice(0, -CHECKSUM_DIGITS)) === text.slice(-CHECKSUM_DIGITS);

/**
 * What is stored of a token: its SHA-256, in hexadecimal. A token has 256 random bits, so a slow hash would add nothing.
 * Tokens are found by this hash, so no comparison depends on how much of a guess is right.
 */
export const hashOfToken = (token: string): string => createHash('sha256').update(token).digest('hex');
