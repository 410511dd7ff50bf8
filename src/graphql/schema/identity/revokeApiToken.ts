/** Mutation.revokeApiToken, with its input and payload. */
import type { ApiToken as Record } from '../../../identity/apiTokens.ts';
import { builder } from '../base/builder.ts';
import { ApiToken } from './apiTokenType.ts';

const RevokeApiTokenInput = builder.inputType('RevokeApiTokenInput', {
  description: 'Which token to revoke.',
  fields: (t) => ({ id: t.id({ required: true, description: 'Id of the token, not its secret.' }) }),
});

const RevokeApiTokenPayload = builder.objectRef<{ readonly apiToken: Record }>('RevokeApiTokenPayload').implement({
  description: 'What revokeApiToken returns.',
  fields: (t) => ({
    apiToken: t.field({ type: ApiToken, resolve: ({ apiToken }) => apiToken, description: 'The token as it is now.' }),
  }),
});

builder.mutationField('revokeApiToken', (t) =>
  t.field({
    authScopes: { right: 'Mutation.revokeApiToken' },
    type: RevokeApiTokenPayload,
    nullable: true,
    args: { input: t.arg({ type: RevokeApiTokenInput, required: true, description: 'Which token.' }) },
    resolve: async (_root, { input }, { tokens }) => ({
      apiToken: await tokens.revokeApiToken(input.id.toLowerCase()),
    }),
    description: `Revokes a token at once, in all processes: what is open for it is closed. Revoking again changes nothing. NOT_FOUND
if your tenant has no such token.`,
  }),
);
