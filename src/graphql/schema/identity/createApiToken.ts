/** Mutation.createApiToken, with its input and payload. */
import { type InputProblem, inputProblem, throwProblems } from '../../../domain/errors.ts';
import { LIMITS } from '../../../domain/limits.ts';
import type { ApiToken as Record } from '../../../identity/apiTokens.ts';
import { grantedScopes } from '../../../identity/policy.ts';
import { builder } from '../base/builder.ts';
import { scopesProblems } from '../base/runTokenAsked.ts';
import { ApiToken } from './apiTokenType.ts';
import { Scope } from './scope.ts';

const CreateApiTokenInput = builder.inputType('CreateApiTokenInput', {
  description: 'What a token is for, and what it is allowed to do.',
  fields: (t) => ({
    name: t.string({
      required: true,
      description: `1 to ${LIMITS.apiTokenNameCharacters} characters. It becomes the subject of the token's callers, and Run.createdBy.`,
    }),
    scopes: t.field({ type: [Scope], required: true, description: 'At least one. One that you lack is FORBIDDEN.' }),
    expiresAt: t.field({
      type: 'DateTime',
      description: 'In the future. Default: it does not expire. Cut to the end of the API token that you use.',
    }),
  }),
});

const CreateApiTokenPayload = builder
  .objectRef<{ readonly token: string; readonly apiToken: Record }>('CreateApiTokenPayload')
  .implement({
    description: 'What createApiToken returns.',
    fields: (t) => ({
      token: t.exposeString('token', { description: 'The secret. It is shown only here; the service keeps its hash.' }),
      apiToken: t.field({ type: ApiToken, resolve: ({ apiToken }) => apiToken, description: 'The new token.' }),
    }),
  });

const nameProblems = (name: string): readonly InputProblem[] => {
  const length = [...name].length;
  const most = LIMITS.apiTokenNameCharacters;
  if (!name.isWellFormed()) return [inputProblem('input.name', 'Must be valid Unicode: it contains a lone surrogate.')];
  if (name.trim() !== '' && length <= most) return [];
  return [inputProblem('input.name', `Must have 1 to ${most} characters, and not only spaces.`)];
};

const expiryProblems = (expiresAt: number | null): readonly InputProblem[] =>
  expiresAt !== null && expiresAt <= Date.now() ? [inputProblem('input.expiresAt', 'Must be in the future.')] : [];

builder.mutationField('createApiToken', (t) =>
  t.field({
    authScopes: { right: 'Mutation.createApiToken' },
    type: CreateApiTokenPayload,
    nullable: true,
    args: { input: t.arg({ type: CreateApiTokenInput, required: true, description: 'What for.' }) },
    resolve: (_root, { input }, { caller, tokens }) => {
      const { name } = input;
      const expiresAt = input.expiresAt ?? null;
      const scopes = grantedScopes(caller, input.scopes);
      throwProblems([
        ...nameProblems(name),
        ...scopesProblems('input.scopes', input.scopes),
        ...expiryProblems(expiresAt),
      ]);
      return tokens.createApiToken({ name, scopes, expiresAt });
    },
    description: `Makes a lasting token for a program of your tenant. It is accepted where AUTH has \`tokens\`; with AUTH=jwt it is a
CONFLICT.`,
  }),
);
