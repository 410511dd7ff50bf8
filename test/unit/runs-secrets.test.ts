import { expect, test } from 'vitest';
import type { JsonValue } from '../../src/domain/events.ts';
import { newRunId } from '../../src/domain/ids.ts';
import { inputFingerprint, keyFingerprint, sealEnv, unsealEnv } from '../../src/runs/secrets.ts';
import { specOf } from '../support/runs.ts';

const master = Buffer.alloc(32, 1);
const of = (input: JsonValue) => inputFingerprint(master, specOf({ input }));

test('an input has one fingerprint whatever the order of its members, and no other input has it', () => {
  expect(of({ a: { c: 1, b: 2 } })).toBe(of({ a: { b: 2, c: 1 } }));
  const inputs: JsonValue[] = [null, [], {}, [['a', 1]], { a: 1 }, { members: [['a', 1]] }, [1, 2], [2, 1], '1', 1];
  expect(new Set(inputs.map(of)).size).toBe(inputs.length);
  const proto = JSON.parse('{"__proto__":{"x":1}}') as JsonValue;
  expect(of(proto)).not.toBe(of({}));
});

test('fingerprints differ from key to key and say nothing without it', () => {
  expect(keyFingerprint(master, 'k')).not.toBe(keyFingerprint(Buffer.alloc(32, 2), 'k'));
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
