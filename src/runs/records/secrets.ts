/** What is protected by the service's master key: secret variables of runs, and idempotency keys. */
import { createHmac } from 'node:crypto';
import { DEFAULT_TENANT } from '../../domain/caller.ts';
import type { JsonValue } from '../../domain/events.ts';
import type { RunId } from '../../domain/ids.ts';
import type { EnvVar, RunSpec } from '../../domain/run.ts';
import { isRawNumber } from '../../domain/text/exactJson.ts';
import { deriveRunKey, seal, unseal } from '../../wire/seal.ts';

/** The variables as they are stored: secrets are encrypted with the run's own key. */
export const sealEnv = (masterKey: Buffer, runId: RunId, env: readonly EnvVar[]): EnvVar[] => {
  const key = deriveRunKey(masterKey, runId);
  return env.map((one) => (one.secret ? { ...one, value: seal(key, one.name, one.value) } : one));
};

/** The plain variables of a stored record. @throws Error where the master key has changed */
export const unsealEnv = (masterKey: Buffer, runId: RunId, env: readonly EnvVar[]): EnvVar[] => {
  const key = deriveRunKey(masterKey, runId);
  return env.map((one) => (one.secret ? { ...one, value: unseal(key, one.name, one.value) } : one));
};

/** RUN_KEY of an executor: the run's key in base64url. */
export const runKeyText = (masterKey: Buffer, runId: RunId): string =>
  deriveRunKey(masterKey, runId).toString('base64url');

/** Identifies an idempotency key of a tenant without storing it. */
export const keyFingerprint = (masterKey: Buffer, tenant: string, idempotencyKey: string): string => {
  const hmac = createHmac('sha256', masterKey);
  // Services without tenants made keys of this form.
  if (tenant === DEFAULT_TENANT) hmac.update('idempotency key\0').update(idempotencyKey);
  else hmac.update('idempotency key of a tenant\0').update(JSON.stringify([tenant, idempotencyKey]));
  return hmac.digest('hex');
};

/**
 * Identifies an input, secrets included. It is keyed (HMAC), so a secret cannot be guessed from it. The order of variables
 * and labels does not matter: their names are unique.
 */
export const inputFingerprint = (masterKey: Buffer, spec: RunSpec): string => {
  const ordered: RunSpec = { ...spec, env: byName(spec.env), labels: byName(spec.labels) };
  return createHmac('sha256', masterKey)
    .update('start input\0')
    .update(JSON.stringify(canonical(ordered as unknown as JsonValue)))
    .digest('hex');
};

const byName = <T extends { readonly name: string }>(entries: readonly T[]): readonly T[] =>
  entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));

/** The same value with the members of objects in alphabetical order. */
const canonical = (value: JsonValue | undefined): unknown => {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null || isRawNumber(value)) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  // Pairs, not members: a name can be __proto__, or look like a number, which JavaScript sorts first.
  return { members: members.map(([name, member]) => [name, canonical(member)]) };
};
