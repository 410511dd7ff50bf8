/** Operations on WebSockets, through the same envelope as HTTP. An error ends its operation, never the WebSocket. */
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
import type { ClientLimits } from '../../limits/clientLimits.ts';
import type { Client } from '../../limits/who.ts';
import type { Admission } from '../exchange/callerOf.ts';
import { admit } from './admit.ts';
import type { Close } from './clientMessage.ts';

/** An operation from its `subscribe` message on. */
export interface BegunOperation {
  /** Aborts when the client completes the operation, or leaves. */
  readonly left: AbortController;
  /** Resolves when everything that it started has ended. */
  readonly over: Promise<void>;
}

/** State of one WebSocket. `context` is null until the connection is initialised. */
export interface SocketExtra {
  context: Context | null;
  /** Who opened it; null until the connection is initialised. */
  caller: Caller | null;
  /** How it is counted; without the caller until the connection is initialised. */
  client: Client;
  /** Of the request that was upgraded. */
  readonly headers: IncomingHttpHeaders;
  readonly outbox: Outbox;
  /** Address of the client. Turns are given to addresses. */
  readonly address: string;
  /** Aborts when the socket is closed. */
  readonly closed: AbortSignal;
  /** Operations by id, from their `subscribe` message until everything that it started has ended. */
  readonly begun: Map<string, BegunOperation>;
  /** Closes the socket. Nothing is sent after it. */
  close(close: Close): void;
  /** Variables of the current message, if graphql-ws' JSON.parse would change their numbers; else null. */
  variables: Readonly<Record<string, unknown>> | null;
}

/** Carries the errors of a refused operation to graphql-ws, which sends them as an `error` message. */
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
/** How the result of one operation is made and sent. */
interface MadeOperation extends Making {
  send(pieces: readonly Buffer[]): Promise<void>;
  /** To be called when the text of the result is made. */
  wrote(): void;
}
type Outcome = ExecutionResult | AsyncIterableIterator<ExecutionResult>;

/** An operation that ends with an `error` message: graphql-ws sends one if the iterator throws. */
const failing = (errors: readonly GraphQLError[]): AsyncIterableIterator<ExecutionResult> => ({
  next: () => Promise.reject(new RefusedOperation(errors)),
  return: () => Promise.resolve({ done: true, value: undefined }),
  [Symbol.asyncIterator]() {
    return this;
  },
});

/** An operation whose result was sent, or whose client has left. */
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

/** Whether the id belongs to an operation that has not ended. */
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
  // Some clients send an empty string instead of no name.
  const operationName = payload.operationName || undefined;
  if (!getOperationAST(document, operationName)) {
    const message = 'No operation can be chosen. Send an operationName that is in the document.';
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

const TOO_MANY_OPERATIONS = `Too many operations on this WebSocket: at most ${LIMITS.operationsPerSocket} at once. Complete some first.`;

/** Runs operations for graphql-ws. */
class Operations {
  readonly #envelope: Envelope;
  readonly #documents: PersistedDocuments;
  readonly #mask: ErrorMask;

  constructor(envelope: Envelope, documents: PersistedDocuments, mask: ErrorMask) {
    this.#envelope = envelope;
    this.#documents = documents;
    this.#mask = mask;
  }

  /** What graphql-ws is to execute, or the errors of a refused operation. */
  async begin(
    { extra, subscriptions }: Context<Record<string, unknown>, SocketExtra>,
    id: string,
    payload: SubscribePayload,
  ): Promise<EnvelopedArgs | readonly GraphQLError[]> {
    if (Object.keys(subscriptions).length > LIMITS.operationsPerSocket) return [limitError(TOO_MANY_OPERATIONS)];
    const { variables, outbox, address, caller, client } = extra;
    if (caller === null) throw new Error('an operation began before connection_init');
    const begun = extra.begun.get(id);
    const signal = begun?.left.signal ?? extra.closed;
    const { promise: written, resolve } = Promise.withResolvers<void>();
    const work = new Work(client.address);
    const made = { work, signal, send: (pieces: readonly Buffer[]) => outbox.sendResult(id, pieces), wrote: resolve };
    try {
      const resolved = this.#documents.resolve(payload);
      const exact = variables === null ? resolved : { ...resolved, variables };
      const over = begun === undefined ? {} : { over: begun.over };
      const transport = { caller, address, client, sink: outbox.sink(id), signal, work, written, ...over };
      return await prepare(this.#envelope, exact, made, transport);
    } catch (error) {
      return [this.#mask(error)];
    }
  }

  /** Executes an operation. A large result is sent here, without graphql-ws. */
  async run(args: ExecutionArgs, kind: 'execute' | 'subscribe'): Promise<Outcome> {
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
      return made.signal.aborted ? ended() : failing([this.#mask(error)]);
    } finally {
      made.wrote();
    }
  }

  /** The errors that an `error` message shows for an error that graphql-ws caught. */
  shown(error: GraphQLError): readonly GraphQLError[] {
    const cause = error.cause ?? error.originalError;
    if (cause instanceof RefusedOperation) return cause.errors;
    return [this.#mask(cause instanceof GraphQLError ? cause : error)];
  }
}

/** How long a client can take to send connection_init, ms; then the WebSocket is closed with 4408. */
const INIT_MS = 3000;

export interface OperationsOptions {
  readonly envelope: Envelope;
  readonly documents: PersistedDocuments;
  readonly mask: ErrorMask;
  readonly admission: Admission;
  readonly limits?: ClientLimits | undefined;
}

/** The graphql-ws server for all WebSockets. */
export const createOperations = (options: OperationsOptions): Server<SocketExtra> => {
  const { envelope, documents, mask, admission, limits } = options;
  const operations = new Operations(envelope, documents, mask);
  return makeServer<Record<string, unknown>, SocketExtra>({
    connectionInitWaitTimeout: INIT_MS,
    onConnect: (context) => {
      context.extra.context = context;
      return admit(context, admission, limits);
    },
    onSubscribe: (context, id, payload) => operations.begin(context, id, payload),
    execute: (args) => operations.run(args, 'execute'),
    subscribe: (args) => operations.run(args, 'subscribe'),
    onNext: (_context, _id, _payload, _args, outcome): FormattedExecutionResult => formatResult(outcome),
    onError: (_context, _id, _payload, errors) => errors.flatMap((error) => operations.shown(error)).map(formatError),
  });
};
