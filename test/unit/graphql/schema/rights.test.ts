import { type GraphQLField, getNamedType, isObjectType } from 'graphql';
import { expect, test } from 'vitest';
import { AUDITED } from '../../../../src/graphql/schema/audited.ts';
import { schema } from '../../../../src/graphql/schema/schema.ts';
import { isGuarded, RIGHTS } from '../../../../src/identity/policy.ts';

const ROOTS = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].map(
  (type) => type?.name ?? '',
);
/**
 * What runs:read shows of a run: what it was asked to do and how it went. A new field of Run belongs here, or in the table
 * of rights if it shows what the command has written, or another object.
 */
const SHOWN_OF_RUNS = [
  ...['id', 'name', 'status', 'image', 'command', 'input', 'labels', 'createdBy', 'attempt', 'maxAttempts'],
  ...['timeoutSeconds', 'resources', 'exitCode', 'failure', 'createdAt', 'startedAt', 'finishedAt', 'durationMs'],
  ...['cancelRequestedAt', 'lines', 'bytes', 'dropped', 'digest', 'lastSeq'],
];
/** They show the run of a field that is guarded itself. */
const CARRIERS = ['RunEdge.node', 'RunChange.run', 'FollowedLogs.run'];

// biome-ignore lint/suspicious/noExplicitAny: graphql's own default
type Field = GraphQLField<any, any>;
const fields = (): [name: string, field: Field][] =>
  Object.values(schema.getTypeMap())
    .filter((type) => isObjectType(type) && !type.name.startsWith('__'))
    .flatMap((type) =>
      isObjectType(type)
        ? Object.values(type.getFields()).map((field): [string, Field] => [`${type.name}.${field.name}`, field])
        : [],
    );

/** The row that the field asks for; null if it asks for none. */
const rightOf = ({ extensions }: Field): unknown => {
  const { authScopes } = (extensions.pothosOptions ?? {}) as { readonly authScopes?: { readonly right?: unknown } };
  return authScopes?.right ?? null;
};

test('T6: every root field asks for its own row of the table of rights', () => {
  const roots = fields().filter(([name]) => ROOTS.includes(name.split('.')[0] ?? ''));
  expect(roots.length).toBeGreaterThan(14);
  for (const [name, field] of roots) expect([name, rightOf(field)]).toEqual([name, name]);
});

test('every field of Run has a row, or is among those that runs:read shows', () => {
  const own = fields().filter(([name]) => name.startsWith('Run.'));
  for (const [name, field] of own) {
    const plain = SHOWN_OF_RUNS.includes(name.slice('Run.'.length));
    expect([name, rightOf(field)]).toEqual([name, plain ? null : name]);
  }
});

test('every way to a run is guarded', () => {
  const ways = fields().filter(([, { type }]) => ['Run', 'RunConnection', 'Node'].includes(getNamedType(type).name));
  const open = ways.filter(([, field]) => rightOf(field) === null).map(([name]) => name);
  expect(open.filter((name) => !name.endsWith('Payload.run') && !CARRIERS.includes(name))).toEqual([]);
});

test('every row of the table is that of a field that asks for it, or of a path', () => {
  const asking = new Map(fields().map(([name, field]) => [name, rightOf(field)]));
  for (const name of Object.keys(RIGHTS).filter((row) => !row.startsWith('GET '))) {
    expect([name, asking.get(name)]).toEqual([name, name]);
  }
  for (const right of asking.values()) expect(right === null || isGuarded(String(right))).toBe(true);
});

test('T10: every mutation is in the table of the audit trail', () => {
  const mutations = fields().filter(([name]) => name.startsWith('Mutation.'));
  expect(mutations.map(([name]) => name).filter((name) => !(name in AUDITED))).toEqual([]);
});
