/** The builder that all types of the schema are added to. Fields are non-null unless they say otherwise. */
import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import ScopeAuthPlugin from '@pothos/plugin-scope-auth';
import type { EpochMs } from '../../../domain/events.ts';
import { type Guarded, isAllowed, isGuarded, refusalOf } from '../../../identity/policy.ts';
import type { ApiContext } from '../../context/context.ts';
import { GraphQLDateTime } from './dateTimeScalar.ts';
import { GraphQLJson } from './jsonScalar.ts';

/** Items of a list without `first` and `last`, such as labels, as costs are estimated. */
const LIST_ITEMS = 10;

export const builder = new SchemaBuilder<{
  Context: ApiContext;
  DefaultFieldNullability: false;
  /** `authScopes: { right: 'Query.run' }` of a field: its row in the table of rights. */
  AuthScopes: { right: Guarded };
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: EpochMs; Output: EpochMs };
    JSON: { Input: unknown; Output: unknown };
  };
}>({
  plugins: [ScopeAuthPlugin, ComplexityPlugin],
  defaultFieldNullability: false,
  scopeAuth: {
    authScopes: ({ caller }) => ({ right: (guarded) => isAllowed(caller, guarded) }),
    // Once, when a subscription begins, and not for each result.
    authorizeOnSubscribe: true,
    unauthorizedError: (_parent, { caller }, { parentType, fieldName }) => {
      const guarded = `${parentType.name}.${fieldName}`;
      if (!isGuarded(guarded)) throw new Error(`${guarded} is guarded but not in the table of rights`);
      return refusalOf(caller, guarded);
    },
  },
  // The plugin only keeps the weights. Costs are checked before execution, for subscriptions too (documentCost.ts).
  complexity: { disabled: true, defaultComplexity: 1, defaultListMultiplier: LIST_ITEMS },
});

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
