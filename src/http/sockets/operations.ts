/** GraphQL operations on a WebSocket, through the same envelope as HTTP. Errors end an operation, never the socket. */
import type { IncomingHttpHeaders } from 'node:http';
import {
  type ExecutionArgs,
  type ExecutionResult,
  type FormattedExecutionResult,
  GraphQLError,
  getOperationAST,
} from 'graphql';
import { type Context, makeServer, type Server, type SubscribePayload } from 'graphql-ws';
import type { Outbox } from '../../delivery/sinks/webSocketSink.ts';
import type { Caller } from '../../domain/caller.ts';
import { LIMITS } from '../../domain/limits.ts';
import type { Transport } from '../../graphql/context/context.ts';
import type { Envelope } from '../../graphql/server/envelope.ts';
import { type ErrorMask, formatError, formatResult } from '../../graphql/server/errorMask.ts';
import type { PersistedDocuments } from '../../graphql/server/persistedDocuments.ts';
import { callerOf } from '../exchange/callerOf.ts';

/** What the adapter of a socket keeps beside it. `context` is set once the connection is initialised. */
export interface SocketExtra {
  context: Context | null;
  /** Who opened it; null until the connection is initialised. */
  caller: Caller | null;
  /** Of the request that was upgraded. */
  readonly headers: IncomingHttpHeaders;
  readonly outbox: Outbox;
  /** Aborts when the socket is closed. */
  readonly closed: AbortSignal;
  /** Variables of the message that is being handled, where their numbers would change on graphql-ws' way; else null. */
  variables: Readonly<Record<string, unknown>> | null;
}

/** Carries the errors of a refused operation to graphql-ws' `error` message, which has no other way in. */
class RefusedOperation extends Error {
  readonly errors: readonly GraphQLError[];
  constructor(errors: readonly GraphQLError[]) {
    super('refused');
    this.errors = errors;
  }
}

type Operation = ReturnType<Envelope['getEnveloped']>;
interface EnvelopedArgs extends ExecutionArgs {
  readonly operation: Operation;
}
type Outcome = ExecutionResult | AsyncIterableIterator<ExecutionResult>;

/** An operation that ends with an `error` message: graphql-ws sends one for what its iterator throws. */
const failing = (errors: readonly GraphQLError[]): AsyncIterableIterator<ExecutionResult> => ({
  next: () => Promise.reject(new RefusedOperation(errors)),
  return: () => Promise.resolve({ done: true, value: undefined }),
  [Symbol.asyncIterator]() {
    return this;
  },
});

const isIterator = (outcome: Outcome): outcome is AsyncIterableIterator<ExecutionResult> =>
  Symbol.asyncIterator in outcome;

export const limitError = (message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code: 'LIMIT_EXCEEDED' } });

/** Whether the id is that of an operation that lives on the socket. */
export const isInUse = ({ context }: SocketExtra, id: string): boolean =>
  context !== null && Object.hasOwn(context.subscriptions, id);

const prepare = async (
  envelope: Envelope,
  payload: SubscribePayload,
  transport: Transport,
): Promise<EnvelopedArgs | readonly GraphQLError[]> => {
  const operation = envelope.getEnveloped({ params: payload, ...transport });
  const document = operation.parse(payload.query);
  const errors = operation.validate(operation.schema, document);
  if (errors.length > 0) return errors;
  // Some clients send an empty name for none.
  const operationName = payload.operationName || undefined;
  if (!getOperationAST(document, operationName)) {
    const message = 'The document has no operation of this name, or several and no name is given.';
    return [new GraphQLError(message, { extensions: { code: 'OPERATION_RESOLUTION_FAILURE' } })];
  }
  return {
    schema: operation.schema,
    document,
    contextValue: await operation.contextFactory(),
    ...(payload.variables ? { variableValues: payload.variables } : {}),
    ...(operationName === undefined ? {} : { operationName }),
    operation,
  };
};

/** The protocol's server: one for all sockets; adapters hand it their messages. */
export const createOperations = (
  envelope: Envelope,
  documents: PersistedDocuments,
  mask: ErrorMask,
): Server<SocketExtra> => {
  const run = async (args: ExecutionArgs, kind: 'execute' | 'subscribe'): Promise<Outcome> => {
    const { operation, ...rest } = args as EnvelopedArgs;
    try {
      const outcome: Outcome = await operation[kind](rest);
      if (isIterator(outcome) || outcome.data !== undefined) return outcome;
      return failing(outcome.errors ?? []);
    } catch (error) {
      return failing([mask(error)]);
    }
  };
  const told = (error: GraphQLError): readonly GraphQLError[] => {
    const cause = error.cause ?? error.originalError;
    return cause instanceof RefusedOperation ? cause.errors : [mask(cause instanceof GraphQLError ? cause : error)];
  };

  return makeServer<Record<string, unknown>, SocketExtra>({
    connectionInitWaitTimeout: 3000,
    onConnect: (context) => {
      const { extra, connectionParams = null } = context;
      extra.context = context;
      extra.caller = callerOf({ headers: extra.headers, connectionParams });
      return true;
    },
    onSubscribe: async (context, id, payload) => {
      if (Object.keys(context.subscriptions).length > LIMITS.operationsPerSocket) {
        return [limitError(`At most ${LIMITS.operationsPerSocket} operations can live on one socket.`)];
      }
      const { variables, caller } = context.extra;
      if (caller === null) throw new Error('an operation began before connection_init');
      try {
        const resolved = documents.resolve(payload);
        const exact = variables === null ? resolved : { ...resolved, variables };
        return await prepare(envelope, exact, {
          caller,
          sink: context.extra.outbox.sink(id),
          signal: context.extra.closed,
        });
      } catch (error) {
        return [mask(error)];
      }
    },
    execute: (args) => run(args, 'execute'),
    subscribe: (args) => run(args, 'subscribe'),
    onNext: (_context, _id, _payload, _args, outcome): FormattedExecutionResult => formatResult(outcome),
    onError: (_context, _id, _payload, errors) => errors.flatMap(told).map(formatError),
  });
};
