/**
 * What a document can cost, estimated before it is executed: about one point for each field of each object. Lists count as
 * often as `first` or `last` says. The weights are in the schema, beside their fields (Pothos' complexity plugin).
 */
import { complexityFromQuery } from '@pothos/plugin-complexity';
import { type DocumentNode, type ExecutionArgs, getOperationAST, Kind } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { LimitExceeded } from '../../domain/errors.ts';
import type { ApiContext } from '../context/context.ts';
import { schema } from '../schema/schema.ts';
import { refusalError } from './errorMask.ts';

/** Of an operation that is refused anyway, for its variables or its name. */
const LEAST = 1;

/** Estimated cost of the operation. Never throws. */
export const costOf = ({
  document,
  operationName,
  variableValues,
}: Pick<ExecutionArgs, 'document' | 'operationName' | 'variableValues'>): number => {
  const operation = getOperationAST(document, operationName);
  if (!operation) return LEAST;
  const fragments = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
  const chosen: DocumentNode = { kind: Kind.DOCUMENT, definitions: [operation, ...fragments] };
  try {
    const { complexity } = complexityFromQuery(chosen, { schema, variables: variableValues ?? {} });
    return Math.max(LEAST, Math.ceil(complexity));
  } catch {
    return LEAST;
  }
};

/** @throws nothing; the refusal, or null */
const refusalOf = (args: ExecutionArgs, { limits, client }: ApiContext): LimitExceeded | null => {
  try {
    limits?.document(client, costOf(args));
    return null;
  } catch (error) {
    if (error instanceof LimitExceeded) return error;
    throw error;
  }
};

/** For HTTP: the whole request is refused. */
const asResult = (refusal: LimitExceeded) => {
  const error = refusalError(refusal);
  const seconds = refusal.retryAfterSeconds;
  error.extensions.http =
    seconds === null ? { status: 400, spec: true } : { status: 429, headers: { 'Retry-After': String(seconds) } };
  return { errors: [error] };
};

/** An envelop plugin: charges the caller for documents, and for subscriptions as long as they live. */
export const callerLimits: Plugin<ApiContext> = {
  onExecute: ({ args, setResultAndStopExecution }) => {
    const refusal = refusalOf(args, args.contextValue);
    if (refusal !== null) setResultAndStopExecution(asResult(refusal));
  },
  onSubscribe: async ({ args, setResultAndStopExecution }) => {
    const context: ApiContext = args.contextValue;
    const refusal = refusalOf(args, context) ?? (await takePlace(context));
    if (refusal !== null) setResultAndStopExecution(asResult(refusal));
  },
};

/** Takes a place for a subscription until it is over; else returns why there is none. */
const takePlace = async ({ limits, client, over, signal }: ApiContext): Promise<LimitExceeded | null> => {
  if (limits === undefined) return null;
  try {
    const free = await limits.subscription(client);
    if (over !== undefined) void over.then(free);
    else if (signal?.aborted) free();
    else signal?.addEventListener('abort', free, { once: true });
    return null;
  } catch (error) {
    if (error instanceof LimitExceeded) return error;
    throw error;
  }
};
