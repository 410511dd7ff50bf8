/** RunToken, Mutation.createRunToken and StartRunPayload.token. */
import type { Scope as ScopeValue } from '../../../domain/caller.ts';
import { type InputProblem, inputProblem, NotFound } from '../../../domain/errors.ts';
import { type RunId, requireRunId } from '../../../domain/ids.ts';
import { LIMITS } from '../../../domain/limits.ts';
import type { SignedToken } from '../../../identity/runTokens.ts';
import type { ApiContext } from '../../context/context.ts';
import { builder } from '../base/builder.ts';
import { grantRunToken, RUN_TOKEN_SECONDS, type RunTokenGranted } from '../base/runTokenAsked.ts';
import { StartRunPayload } from '../runs/startRun.ts';
import { Scope } from './scope.ts';

const SCOPES = `Default: RUNS_READ and LOGS_READ, as far as you have them. A scope that you lack is FORBIDDEN. Whatever its scopes, a
run token starts no runs and makes no API tokens.`;
const SECONDS = `Life of the token in seconds, 1 to ${LIMITS.runTokenSeconds}. It never lives longer than your own token.`;

interface RunTokenShape extends SignedToken {
  readonly scopes: readonly ScopeValue[];
}

const RunToken = builder.objectRef<RunTokenShape>('RunToken').implement({
  description: 'A short-lived token for given runs. Hand it to a browser.',
  fields: (t) => ({
    token: t.exposeString('token', { description: 'Send it in the header `Authorization: Bearer …`. Keep it secret.' }),
    scopes: t.field({ type: [Scope], resolve: ({ scopes }) => [...scopes], description: 'What it is allowed to do.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When it expires.' }),
  }),
});

const sign = async (
  { tokens }: ApiContext,
  runIds: readonly RunId[],
  { scopes, expiresInSeconds }: RunTokenGranted,
): Promise<RunTokenShape> => {
  const signed = await tokens.createRunToken({ runIds, scopes: new Set(scopes), expiresInSeconds });
  return { ...signed, scopes };
};

const CreateRunTokenInput = builder.inputType('CreateRunTokenInput', {
  description: 'Which runs a token is for, and what it is allowed to do with them.',
  fields: (t) => ({
    runIds: t.idList({ required: true, description: `Ids of 1 to ${LIMITS.runTokenRuns} runs that you can see.` }),
    scopes: t.field({ type: [Scope], description: SCOPES }),
    expiresInSeconds: t.int({ defaultValue: RUN_TOKEN_SECONDS, description: SECONDS }),
  }),
});

const CreateRunTokenPayload = builder
  .objectRef<{ readonly runToken: RunTokenShape }>('CreateRunTokenPayload')
  .implement({
    description: 'What createRunToken returns.',
    fields: (t) => ({
      runToken: t.field({ type: RunToken, resolve: ({ runToken }) => runToken, description: 'The new token.' }),
    }),
  });

const runIdsProblems = (runIds: readonly string[]): readonly InputProblem[] => {
  const text = `Give 1 to ${LIMITS.runTokenRuns} ids of runs.`;
  return runIds.length < 1 || runIds.length > LIMITS.runTokenRuns ? [inputProblem('input.runIds', text)] : [];
};

builder.mutationField('createRunToken', (t) =>
  t.field({
    authScopes: { right: 'Mutation.createRunToken' },
    type: CreateRunTokenPayload,
    nullable: true,
    args: { input: t.arg({ type: CreateRunTokenInput, required: true, description: 'Which runs, and what for.' }) },
    resolve: async (_root, { input }, context) => {
      const granted = grantRunToken(context.caller, input, 'input.', runIdsProblems(input.runIds));
      const runIds = [...new Set(input.runIds.map(requireRunId))];
      const runs = await context.runs.getMany(runIds);
      if (runs.includes(null)) throw new NotFound();
      return { runToken: await sign(context, runIds, granted) };
    },
    description: `Makes a token for given runs, with no more rights than you have, for a browser or another program. NOT_FOUND if one
of the runs does not exist.`,
  }),
);

builder.objectField(StartRunPayload, 'token', (t) =>
  t.field({
    type: RunToken,
    args: {
      scopes: t.arg({ type: [Scope], description: SCOPES }),
      expiresInSeconds: t.arg.int({ defaultValue: RUN_TOKEN_SECONDS, description: SECONDS }),
    },
    resolve: ({ run }, asked, context) => sign(context, [run.id], grantRunToken(context.caller, asked)),
    description: `A token for this run alone, with no more rights than you have: hand it to a browser. If it would be refused, no run
is started.`,
  }),
);
