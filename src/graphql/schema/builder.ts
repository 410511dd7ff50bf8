/** The schema's builder. Nothing is nullable unless it says so; test/contract/contract.graphql is the floor of what is here. */
import SchemaBuilder from '@pothos/core';
import { GraphQLScalarType, Kind } from 'graphql';
import type { EpochMs } from '../../domain/events.ts';
import type { ApiContext } from '../context/context.ts';
import { GraphQLJson } from './jsonScalar.ts';

export const builder = new SchemaBuilder<{
  Context: ApiContext;
  DefaultFieldNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: EpochMs; Output: EpochMs };
    JSON: { Input: unknown; Output: unknown };
  };
}>({ defaultFieldNullability: false });

/** An instant of RFC 3339 in UTC with milliseconds. @throws RangeError beyond the year 275760 */
export const toDateTime = (instant: EpochMs): string => new Date(instant).toISOString();

const parseDateTime = (value: unknown): EpochMs => {
  const instant = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(instant)) throw new TypeError('DateTime is a text of RFC 3339, such as 2026-01-31T12:00:00.000Z.');
  return instant;
};

builder.addScalarType(
  'DateTime',
  new GraphQLScalarType<EpochMs, string>({
    name: 'DateTime',
    description: 'An instant, RFC 3339, UTC, with milliseconds: 2026-01-31T12:00:00.000Z.',
    specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time',
    serialize: (value) => toDateTime(value as EpochMs),
    parseValue: parseDateTime,
    parseLiteral: (node) => parseDateTime(node.kind === Kind.STRING ? node.value : null),
  }),
);

builder.addScalarType('JSON', GraphQLJson);

builder.queryType({ description: 'What can be read once.' });
builder.mutationType({
  description: `What changes runs. Each takes one input and answers with a payload of its own; null where it failed, and
errors say why: what else the document asks for is done all the same.`,
});
builder.subscriptionType({
  description: 'What can be followed, over WebSocket (graphql-transport-ws) or server-sent events on the same path.',
});
