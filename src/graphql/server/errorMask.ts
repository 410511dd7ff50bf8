/**
 * What a client sees of an error (docs/reference/errors.md): refusals and errors of its own document as they are, anything
 * else as INTERNAL_SERVER_ERROR with an id that the service's log has too.
 */
import { randomUUID } from 'node:crypto';
import { type ExecutionResult, type FormattedExecutionResult, GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { Logger } from 'pino';
import { BadUserInput, type ErrorCode, isErrorCode, LimitExceeded, Refusal } from '../../domain/errors.ts';
import { LIMITS } from '../../domain/limits.ts';
import { boundedError, boundedErrors, withoutSuggestions } from './boundedErrors.ts';

/** Members of `extensions` that yoga uses internally. It removes them only on HTTP. */
const INTERNAL_EXTENSIONS: ReadonlySet<string> = new Set(['http', 'unexpected', 'originalError']);

const causeOf = (error: Error): unknown =>
  error instanceof GraphQLError ? (error.originalError ?? error.cause) : undefined;

/** The innermost cause: GraphQLErrors only wrap it, to say where it was thrown. */
const rootOf = (error: unknown): unknown => {
  let root = error;
  for (let depth = 0; root instanceof GraphQLError && depth < 10; depth += 1) {
    const cause = causeOf(root);
    if (cause === undefined || cause === null) return root;
    root = cause;
  }
  return root;
};

const placeOf = (error: unknown): { nodes?: GraphQLError['nodes']; path?: GraphQLError['path'] } =>
  error instanceof GraphQLError ? { nodes: error.nodes, path: error.path } : {};

/** The code of an error that graphql-js made itself; null if a resolver's result is wrong. */
const documentCode = (error: GraphQLError): ErrorCode | null => {
  if (error.message.startsWith('Syntax Error')) return 'GRAPHQL_PARSE_FAILED';
  if (error.message.startsWith('Variable "$') || error.message.startsWith('Argument "')) return 'BAD_USER_INPUT';
  // Execution errors have a path. One without a cause means that a value did not fit the schema.
  return error.path === undefined ? 'BAD_REQUEST' : null;
};

const withCode = (error: GraphQLError, code: ErrorCode): GraphQLError =>
  new GraphQLError(error.message, {
    nodes: error.nodes,
    source: error.source,
    positions: error.positions,
    path: error.path,
    extensions: { ...error.extensions, code },
  });

/** A refusal as a GraphQL error. */
export const refusalError = (refusal: Refusal, place: unknown = null): GraphQLError =>
  new GraphQLError(refusal.message, {
    ...placeOf(place),
    extensions: {
      code: refusal.code,
      ...(refusal instanceof LimitExceeded && refusal.retryAfterSeconds !== null
        ? { retryAfterSeconds: refusal.retryAfterSeconds }
        : {}),
      ...(refusal instanceof BadUserInput ? { argument: refusal.argument, problems: refusal.problems } : {}),
    },
  });

/** Turns a thrown value into an error for the client. Its own results are returned unchanged. */
export type ErrorMask = (error: unknown) => GraphQLError;

/** @param suggests whether messages suggest names of the schema; false where introspection is off */
export const createErrorMask = (logger: Logger, suggests = true): ErrorMask => {
  const masked = new WeakSet<GraphQLError>();
  const done = (found: GraphQLError): GraphQLError => {
    const error = boundedError(suggests ? found : withoutSuggestions(found));
    masked.add(error);
    return error;
  };
  return (error) => {
    if (error instanceof GraphQLError && masked.has(error)) return error;
    const root = rootOf(error);
    if (root instanceof GraphQLError && masked.has(root)) return root;
    if (root instanceof Refusal) return done(refusalError(root, error));
    if (root instanceof GraphQLError) {
      // A code that a library made up is not passed on.
      if (isErrorCode(root.extensions.code)) return done(root);
      const code = documentCode(error instanceof GraphQLError ? error : root);
      if (code !== null) return done(withCode(root, code));
    }
    const id = randomUUID();
    logger.error({ err: root, id }, 'operation failed unexpectedly');
    return done(
      new GraphQLError('Internal error. The log of the service has the details under this id.', {
        ...placeOf(error),
        extensions: { code: 'INTERNAL_SERVER_ERROR', id, unexpected: true, http: { status: 500, spec: true } },
      }),
    );
  };
};

/** The error as clients get it, without the internal members of `extensions`. */
export const formatError = (error: GraphQLError): GraphQLFormattedError => {
  const { extensions, ...rest } = error.toJSON();
  const shown = Object.entries(extensions ?? {}).filter(([name]) => !INTERNAL_EXTENSIONS.has(name));
  return shown.length === 0 ? rest : { ...rest, extensions: Object.fromEntries(shown) };
};

/** A result of graphql-js. In graphql-ws' type, missing members can be undefined. */
type Outcome = { readonly [K in keyof ExecutionResult]: ExecutionResult[K] | undefined };

/** The result as clients get it. */
export const formatResult = ({ errors, ...result }: Outcome): FormattedExecutionResult =>
  ({
    ...(errors === undefined ? {} : { errors: boundedErrors(errors, LIMITS.resultErrors).map(formatError) }),
    ...result,
  }) as FormattedExecutionResult;
