import { expect, test } from 'vitest';
import type { JsonValue } from '../../../../src/domain/events.ts';
import { newRunId } from '../../../../src/domain/ids.ts';
import { parseExactJson } from '../../../../src/domain/text/exactJson.ts';
import { inputFingerprint, keyFingerprint, sealEnv, unsealEnv } from '../../../../src/runs/records/secrets.ts';
import { specOf } from '../../../support/runs/runs.ts';

const master = Buffer.alloc(32, 1);
const of = (input: JsonValue) => inputFingerprint(master, specOf({ input }));

test('the fingerprint of an input does not depend on the order of its members, and differs from that of other inputs', () => {
  expect(of({ a: { c: 1, b: 2 } })).toBe(of({ a: { b: 2, c: 1 } }));
  const inputs: JsonValue[] = [null, [], {}, [['a', 1]], { a: 1 }, { members: [['a', 1]] }, [1, 2], [2, 1], '1', 1];
  expect(new Set(inputs.map(of)).size).toBe(inputs.length);
  const proto = JSON.parse('{"__proto__":{"x":1}}') as JsonValue;
  expect(of(proto)).not.toBe(of({}));
});

test('variables and labels in another order are the same input; different ones are not', () => {
  const list = [
    { name: 'A', value: '1', secret: false },
    { name: 'B', value: '2', secret: true },
  ];
  const env = (...entries: typeof list) => inputFingerprint(master, specOf({ env: entries }));
  const labels = (...entries: typeof list) =>
    inputFingerprint(master, specOf({ labels: entries.map(({ name, value }) => ({ name, value })) }));
  const [a, b] = list as [(typeof list)[0], (typeof list)[0]];
  expect(env(a, b)).toBe(env(b, a));
  expect(labels(a, b)).toBe(labels(b, a));
  expect(env(a, b)).not.toBe(env({ ...a, value: '2' }, { ...b, value: '1' }));
  expect(env(a, b)).not.toBe(env(a, { ...b, secret: false }));
  expect(labels(a)).not.toBe(labels(a, b));
});

test('numbers with different digits give different fingerprints', () => {
  const inputs = ['1234567890123456789', '1234567890123456788', '1', '1.0', '{"rawJSON":"1.0"}', '1e400', 'null'];
  expect(new Set(inputs.map((text) => of(parseExactJson(`[${text}]`) as JsonValue))).size).toBe(inputs.length);
});

test('the fingerprint of a key depends on the master key and on the tenant', () => {
  const others = [keyFingerprint(Buffer.alloc(32, 2), 'default', 'k'), keyFingerprint(master, 'acme', 'k')];
  expect(others).not.toContain(keyFingerprint(master, 'default', 'k'));
  expect(keyFingerprint(master, 'a', 'bk')).not.toBe(keyFingerprint(master, 'ab', 'k'));
  expect(inputFingerprint(master, specOf())).not.toBe(inputFingerprint(Buffer.alloc(32, 2), specOf()));
});

test('only secrets are sealed, and only the same master key opens them', () => {
  const id = newRunId();
  const env = [
    { name: 'A', value: 'plain', secret: false },
    { name: 'B', value: 'hidden', secret: true },
  ];
  const sealed = sealEnv(master, id, env);
  expect(sealed[0]).toEqual(env[0]);
  expect(sealed[1]?.value).not.toContain('hidden');
  expect(unsealEnv(master, id, sealed)).toEqual(env);
  expect(() => unsealEnv(Buffer.alloc(32, 2), id, sealed)).toThrow();
});
