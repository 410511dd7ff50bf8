/** Viewer and Query.viewer. */
import type { Caller } from '../../../domain/caller.ts';
import { builder } from '../base/builder.ts';
import { Scope } from './scope.ts';

const Viewer = builder.objectRef<Caller>('Viewer').implement({
  description: 'The caller.',
  fields: (t) => ({
    subject: t.exposeString('subject', { description: 'Who it is: the name of a user or of a token.' }),
    tenant: t.exposeString('tenant', { description: 'Whose runs it works with.' }),
    scopes: t.field({ type: [Scope], resolve: ({ scopes }) => [...scopes], description: 'What it is allowed to do.' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When its token expires; null if it does not expire.',
    }),
  }),
});

builder.queryField('viewer', (t) =>
  t.field({
    authScopes: { right: 'Query.viewer' },
    type: Viewer,
    resolve: (_root, _args, { caller }) => caller,
    description: 'The caller. Without authentication, everybody is the admin `local` of the tenant `default`.',
  }),
);
