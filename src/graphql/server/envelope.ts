/** The envelope: HTTP, SSE and WebSocket all execute operations through it. */
import { createYoga, type GraphQLParams, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import { AuditTrail } from '../../audit/auditTrail.ts';
import { type ApiContext, createContext, type Services, type Transport } from '../context/context.ts';
import { schema } from '../schema/schema.ts';
import { callerLimits } from './documentCost.ts';
import { type AllowedDocuments, documentLimits } from './documentLimits.ts';
import type { ErrorMask } from './errorMask.ts';
import { execution } from './executeOperations.ts';
import { inputErrors } from './inputErrors.ts';
import { knownDocuments } from './knownDocuments.ts';
import { streamedAnswers } from './streamedAnswer.ts';

export const GRAPHQL_PATH = '/graphql';

export type Envelope = YogaServerInstance<Transport, ApiContext>;

/** A yoga plugin: uses the body that src/http has parsed and checked, instead of parsing it again. */
const parsedBody: Plugin<object, Transport> = {
  onRequestParse: ({ serverContext, setRequestParser }) => {
    const { body } = serverContext;
    if (body === undefined) return;
    // Some clients send an empty string instead of no name.
    const { operationName, ...rest } = body;
    setRequestParser(() => (operationName === '' ? rest : body) as GraphQLParams);
  },
};

/** An envelop plugin: frees the seat of a large response when its text is made. */
const budgets: Plugin<ApiContext> = {
  onExecute: ({ args: { contextValue } }) => ({
    onExecuteDone: () => {
      const { budget, written = Promise.resolve() } = contextValue;
      void written.then(() => budget.renew());
    },
  }),
};

/** Yoga's own features for browsers are off: src/http decides on origins, GraphiQL and sizes. */
export const createEnvelope = (given: Services, mask: ErrorMask, allowed: AllowedDocuments): Envelope => {
  const services = { ...given, audit: new AuditTrail(given.logger) };
  return createYoga<Transport, ApiContext>({
    schema,
    context: (transport) => createContext(services, transport),
    graphqlEndpoint: GRAPHQL_PATH,
    // Node's own classes: a stream whose reader leaves must notify its source at once.
    fetchAPI: { Request, Response, Headers, ReadableStream, TransformStream, TextEncoder, TextDecoder },
    plugins: [
      parsedBody,
      knownDocuments(),
      documentLimits(allowed),
      inputErrors,
      budgets,
      callerLimits,
      execution(),
      streamedAnswers(),
    ],
    maskedErrors: { errorMessage: 'Internal error.', isDev: false, maskError: (error) => mask(error) },
    parserAndValidationCache: false,
    maxRequestBodySize: false,
    batching: false,
    cors: false,
    graphiql: false,
    landingPage: false,
    multipart: false,
    logging: false,
  });
};
