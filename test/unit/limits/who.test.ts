import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Caller, LOCAL_ADMIN } from '../../../src/domain/caller.ts';
import { newRunId, type RunId } from '../../../src/domain/ids.ts';
import { RunTokens } from '../../../src/identity/runTokens.ts';
import { clientOf } from '../../../src/limits/who.ts';

test('callers are told apart by tenant and subject, whatever these contain', () => {
  const named = (tenant: string, subject: string) => clientOf('', { ...LOCAL_ADMIN, tenant, subject }).caller;
  const names = [
    named('a', 'b'),
    named('b', 'a'),
    named('a","b', ''),
    named('a', '","b'),
    named('a', 'x'.repeat(9999)),
  ];
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[\w-]{22}$/);
  expect(named('a', 'b')).toBe(names[0]);
});

test('a run token and each API token have limits of their own, and tokens for the same runs share theirs', () => {
  const [one, two] = [newRunId(), newRunId()];
  const named = (more: object) => clientOf('', { ...LOCAL_ADMIN, ...more }).caller;
  const names = [
    named({}),
    named({ apiTokenId: 'a' }),
    named({ apiTokenId: 'b' }),
    named({ runs: new Set([one]) }),
    named({ runs: new Set([one, two]) }),
    named({ runs: new Set() }),
  ];
  expect(new Set(names).size).toBe(names.length);
  expect(named({ runs: new Set([two, one]), expiresAt: 1 })).toBe(names[4]);
});

test('S11h: a run token that a run token made has the share of its maker, however often that is repeated', async () => {
  const runTokens = new RunTokens(randomBytes(32), 'test');
  const [one, two, three] = [newRunId(), newRunId(), newRunId()];
  const made = async (maker: Caller, runIds: readonly RunId[]): Promise<Caller> => {
    const request = { runIds, scopes: new Set(['runs:read'] as const), expiresInSeconds: 60 };
    return await runTokens.verify((await runTokens.sign(maker, request)).token);
  };
  const name = (caller: Caller) => clientOf('', caller).caller;
  const all = await made(LOCAL_ADMIN, [one, two, three]);
  const part = await made(all, [one, two]);
  const partOfPart = await made(part, [one]);
  expect([name(part), name(partOfPart)]).toEqual([name(all), name(all)]);
  expect([...(partOfPart.runs ?? [])]).toEqual([one]);
  expect(name(await made(LOCAL_ADMIN, [one, two]))).not.toBe(name(all));
});
