/**
 * Secrets at rest: AES-256-GCM with a key for each run. The service derives it from its master key. The executor gets its
 * own run's key only, as RUN_KEY (base64url).
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { RunId } from '../domain/ids.ts';

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** The run's key: HKDF-SHA256 of the service's master key (32 bytes) with the run's id. */
export const deriveRunKey = (masterKey: Buffer, runId: RunId): Buffer =>
  Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), `runloom run ${runId}`, 32));

/** Encrypts a value; returns base64. The name is authenticated: the value cannot be moved to another variable. */
export const seal = (runKey: Buffer, name: string, value: string): string => {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', runKey, iv).setAAD(Buffer.from(name));
  return Buffer.concat([iv, cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64');
};

/** Decrypts a value. @throws Error if it was sealed with another key or name, or is damaged */
export const unseal = (runKey: Buffer, name: string, sealed: string): string => {
  const bytes = Buffer.from(sealed, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', runKey, bytes.subarray(0, IV_BYTES)).setAAD(Buffer.from(name));
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  return Buffer.concat([
    decipher.update(bytes.subarray(IV_BYTES, bytes.length - TAG_BYTES)),
    decipher.final(),
  ]).toString('utf8');
};
