/** The one way into the schema. HTTP, SSE and WebSocket all go through what this makes. */
import { createYoga, type GraphQLParams, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import { type ApiContext, createContext, type Services, type Transport } from '../context/context.ts';
import { schema } from '../schema/schema.ts';
import { type AllowedDocuments, documentLimits } from './documentLimits.ts';
import type { ErrorMask } from './errorMask.ts';
import { execution } from './executeOperations.ts';
import { inputErrors } from './inputErrors.ts';
import { knownDocuments } from './knownDocuments.ts';
import { streamedAnswers } from './streamedAnswer.ts';

export const GRAPHQL_PATH = '/graphql';

export type Envelope = YogaServerInstance<Transport, ApiContext>;

/** A yoga plugin: the body that http/ has parsed already, with its bounds, is not parsed again. */
const parsedBody: Plugin<object, Transport> = {
  onRequestParse: ({ serverContext, setRequestParser }) => {
    const { body } = serverContext;
    if (body === undefined) return;
    // Some clients send an empty name for none.
    const { operationName, ...rest } = body;
    setRequestParser(() => (operationName === '' ? rest : body) as GraphQLParams);
  },
};

/** An envelop plugin: what a large answer held is free for others when it is made. */
const budgets: Plugin<ApiContext> = {
  onExecute: ({ args: { contextValue } }) => ({
    onExecuteDone: () => {
      const { budget, written = Promise.resolve() } = contextValue;
      void written.then(() => budget.renew());
    },
  }),
};

/** What yoga itself provides for browsers is off: http/ decides on origins, GraphiQL and sizes. */
export const createEnvelope = (services: Services, mask: ErrorMask, allowed: AllowedDocuments): Envelope =>
  createYoga<Transport, ApiContext>({
    schema,
    context: (transport) => createContext(services, transport),
    graphqlEndpoint: GRAPHQL_PATH,
    // Node's own classes: a stream whose reader leaves must tell its source at once.
    fetchAPI: { Request, Response, Headers, ReadableStream, TransformStream, TextEncoder, TextDecoder },
    plugins: [
      parsedBody,
      knownDocuments(),
      documentLimits(allowed),
      inputErrors,
      budgets,
      execution(),
      streamedAnswers(),
    ],
    maskedErrors: { errorMessage: 'Unexpected error.', isDev: false, maskError: (error) => mask(error) },
    parserAndValidationCache: false,
    maxRequestBodySize: false,
    batching: false,
    cors: false,
    graphiql: false,
    landingPage: false,
    multipart: false,
    logging: false,
  });
