/** The builder that all types of the schema are added to. Fields are non-null unless they say otherwise. */
import SchemaBuilder from '@pothos/core';
import type { EpochMs } from '../../../domain/events.ts';
import type { ApiContext } from '../../context/context.ts';
import { GraphQLDateTime } from './dateTimeScalar.ts';
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

builder.addScalarType('DateTime', GraphQLDateTime);
builder.addScalarType('JSON', GraphQLJson);

builder.queryType({ description: 'What can be read. To follow changes live, see Subscription.' });
builder.mutationType({
  description: `What changes runs. Each mutation takes one input and returns a payload of its own type. If one fails, its payload
is null and errors has the reason; the other mutations of the document are executed all the same.`,
});
builder.subscriptionType({
  description:
    'What can be followed live, over WebSocket (graphql-transport-ws) or server-sent events on the same path.',
});
