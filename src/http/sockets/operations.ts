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
import { Work } from '../../async/workTurn.ts';
import { isLarge, type Making, resultPieces } from '../../delivery/resultText.ts';
import type { Outbox } from '../../delivery/sinks/webSocketSink.ts';
import type { Caller } from '../../domain/caller.ts';
import { LIMITS } from '../../domain/limits.ts';
import type { Transport } from '../../graphql/context/context.ts';
import type { Envelope } from '../../graphql/server/envelope.ts';
import { type ErrorMask, formatError, formatResult } from '../../graphql/server/errorMask.ts';
import type { PersistedDocuments } from '../../graphql/server/persistedDocuments.ts';
import { callerOf } from '../exchange/callerOf.ts';

/** An operation that was asked for. */
export interface BegunOperation {
  /** Aborts when its client completes it, or leaves. */
  readonly left: AbortController;
  readonly over: Promise<void>;
}

/** What the adapter of a socket keeps beside it. `context` is set once the connection is initialised. */
export interface SocketExtra {
  context: Context | null;
  /** Who opened it; null until the connection is initialised. */
  caller: Caller | null;
  /** Of the request that was upgraded. */
  readonly headers: IncomingHttpHeaders;
  readonly outbox: Outbox;
  /** Of the client, whose turns it takes. */
  readonly address: string;
  /** Aborts when the socket is closed. */
  readonly closed: AbortSignal;
  /** Operations by their ids, from their message until all that it led to is over. */
  readonly begun: Map<string, BegunOperation>;
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
  readonly made: MadeOperation;
}
/** Of one operation: how its result is made and sent. */
interface MadeOperation extends Making {
  send(pieces: readonly Buffer[]): Promise<void>;
  /** The result's text is made. */
  wrote(): void;
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

/** An operation whose result was sent, or that nobody waits for. */
const ended = (): AsyncIterableIterator<ExecutionResult> => ({
  next: () => Promise.resolve({ done: true, value: undefined }),
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
  made: MadeOperation,
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
    made,
  };
};

/** The protocol's server: one for all sockets; adapters hand it their messages. */
export const createOperations = (
  envelope: Envelope,
  documents: PersistedDocuments,
  mask: ErrorMask,
): Server<SocketExtra> => {
  const run = async (args: ExecutionArgs, kind: 'execute' | 'subscribe'): Promise<Outcome> => {
    const { operation, made, ...rest } = args as EnvelopedArgs;
    try {
      const outcome: Outcome = await operation[kind](rest);
      if (isIterator(outcome)) return outcome;
      if (made.signal.aborted) return ended();
      if (outcome.data === undefined) return failing(outcome.errors ?? []);
      if (!isLarge(outcome)) return outcome;
      const pieces = await resultPieces(formatResult(outcome), made);
      made.wrote();
      await made.send(pieces);
      return ended();
    } catch (error) {
      return made.signal.aborted ? ended() : failing([mask(error)]);
    } finally {
      made.wrote();
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
      const { variables, outbox, address, caller } = context.extra;
      if (caller === null) throw new Error('an operation began before connection_init');
      const signal = context.extra.begun.get(id)?.left.signal ?? context.extra.closed;
      const { promise: written, resolve } = Promise.withResolvers<void>();
      const work = new Work(address);
      const made = { work, signal, send: (pieces: readonly Buffer[]) => outbox.sendResult(id, pieces), wrote: resolve };
      try {
        const resolved = documents.resolve(payload);
        const exact = variables === null ? resolved : { ...resolved, variables };
        return await prepare(envelope, exact, made, { caller, sink: outbox.sink(id), signal, work, written });
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
