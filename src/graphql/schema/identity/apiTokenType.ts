/** ApiToken, its connection and Query.apiTokens. */
import { throwProblems } from '../../../domain/errors.ts';
import { between } from '../../../domain/inputChecks.ts';
import { LIMITS } from '../../../domain/limits.ts';
import type { ApiTokenPage, ApiToken as Record } from '../../../identity/apiTokens.ts';
import { builder } from '../base/builder.ts';
import { ITEMS, pageCost } from '../base/pageCost.ts';
import { cursorOf, cursorProblems, PageInfo } from '../base/pageInfo.ts';
import { Node } from '../runs/node.ts';
import { Scope } from './scope.ts';

const DEFAULT_PAGE = 50;

export const ApiToken = builder.objectRef<Record>('ApiToken').implement({
  description: 'A lasting token of a program. Its secret is shown once, when it is made.',
  interfaces: [Node],
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Identifies the token without revealing it.' }),
    name: t.exposeString('name', { description: 'What it is for; the subject of its callers.' }),
    scopes: t.field({ type: [Scope], resolve: ({ scopes }) => [...scopes], description: 'What it is allowed to do.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    createdBy: t.exposeString('createdBy', { nullable: true, description: 'Subject of the caller who made it.' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it expires; null if it does not expire.',
    }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was last used, to about a minute; null if it never was.',
    }),
    revokedAt: t.expose('revokedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was revoked; null if it was not.',
    }),
  }),
});

interface Page extends ApiTokenPage {
  readonly after: string | null;
}

const ApiTokenEdge = builder.objectRef<Record>('ApiTokenEdge').implement({
  description: 'An API token of a page.',
  fields: (t) => ({
    cursor: t.exposeString('id', { description: 'Cursor of this token, for after.' }),
    node: t.field({ type: ApiToken, resolve: (token) => token, description: 'The token.' }),
  }),
});

const ApiTokenConnection = builder.objectRef<Page>('ApiTokenConnection').implement({
  description: 'A page of API tokens, newest first.',
  fields: (t) => ({
    edges: t.field({
      type: [ApiTokenEdge],
      complexity: ITEMS,
      resolve: ({ tokens }) => [...tokens],
      description: 'The tokens.',
    }),
    pageInfo: t.field({
      type: PageInfo,
      resolve: ({ tokens, hasNext, after }) => ({
        start: tokens[0]?.id ?? null,
        end: tokens.at(-1)?.id ?? null,
        hasNext: () => Promise.resolve(hasNext),
        hasPrevious: () => Promise.resolve(after !== null),
      }),
      description: 'Where the page is in the list.',
    }),
  }),
});

builder.queryField('apiTokens', (t) =>
  t.field({
    authScopes: { right: 'Query.apiTokens' },
    type: ApiTokenConnection,
    complexity: pageCost(DEFAULT_PAGE, LIMITS.runsPage),
    nullable: true,
    args: {
      first: t.arg.int({ description: 'Return at most this many tokens, 1 to 500. Default: 50.' }),
      after: t.arg.string({ description: 'Only tokens older than the token with this cursor.' }),
    },
    resolve: async (_root, { first, after }, { tokens, budget }) => {
      throwProblems([...between('first', first, 1, LIMITS.runsPage), ...cursorProblems('after', after)]);
      const cursor = cursorOf(after);
      const count = first ?? DEFAULT_PAGE;
      budget.takeLoads(count);
      return { ...(await tokens.apiTokens(count, cursor)), after: cursor };
    },
    description: `API tokens of your tenant, newest first, as a Relay cursor connection. Expired and revoked tokens are listed for 30
days.`,
  }),
);
