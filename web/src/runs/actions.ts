/** What a reader can do with a run. Each resolves to the error's text, or null. */
import type { Client, CombinedError } from 'urql';
import {
  CancelRunDocument,
  DeleteRunDocument,
  RetryRunDocument,
  type RunPartsFragment,
  StartRunDocument,
  type StartRunInput,
} from '../../../schema/generated/graphql.ts';

export interface Problem {
  readonly message: string;
  /** The argument that is wrong, such as `input.env.0.name`. */
  readonly argument: string | null;
}
export type Outcome<T> = { readonly value: T } | { readonly problems: readonly Problem[] };

const problemsOf = (error: CombinedError | undefined): readonly Problem[] => {
  const found = (error?.graphQLErrors ?? []).flatMap(({ message, extensions }) => {
    const { problems } = extensions as { readonly problems?: readonly Problem[] };
    return problems ?? [{ message, argument: null }];
  });
  if (found.length > 0) return found;
  return [{ message: error?.networkError?.message ?? 'The service sent no answer.', argument: null }];
};
const outcome = <T>(value: T | null | undefined, error: CombinedError | undefined): Outcome<T> =>
  value === null || value === undefined ? { problems: problemsOf(error) } : { value };

export interface RunActions {
  readonly start: (input: StartRunInput) => Promise<Outcome<RunPartsFragment>>;
  readonly cancel: (runId: string, force?: boolean) => Promise<Outcome<RunPartsFragment>>;
  readonly retry: (runId: string) => Promise<Outcome<RunPartsFragment>>;
  readonly remove: (runId: string) => Promise<Outcome<string>>;
}

export const runActions = (client: Client): RunActions => ({
  start: async (input) => {
    const { data, error } = await client.mutation(StartRunDocument, { input }).toPromise();
    return outcome(data?.startRun?.run, error);
  },
  cancel: async (runId, force = false) => {
    const { data, error } = await client.mutation(CancelRunDocument, { runId, force }).toPromise();
    return outcome(data?.cancelRun?.run, error);
  },
  retry: async (runId) => {
    const { data, error } = await client.mutation(RetryRunDocument, { runId }).toPromise();
    return outcome(data?.retryRun?.run, error);
  },
  remove: async (runId) => {
    const { data, error } = await client.mutation(DeleteRunDocument, { runId }).toPromise();
    return outcome(data?.deleteRun?.deletedRunId, error);
  },
});
