/** The one way into the schema. HTTP, SSE and WebSocket all go through what this makes. */
import type { DocumentNode } from 'graphql';
import { createYoga, type YogaServerInstance } from 'graphql-yoga';
import { type ApiContext, createContext, type Services, type Transport } from './context.ts';
import type { ErrorMask } from './errors.ts';
import { inputErrors } from './inputErrors.ts';
import { documentLimits } from './limits.ts';
import { logSubscriptions } from './logSubscription.ts';
import { schema } from './schema.ts';
import { streamedAnswers } from './streamedAnswer.ts';

export const GRAPHQL_PATH = '/graphql';

export type Envelope = YogaServerInstance<Transport, ApiContext>;

/** Documents that are kept parsed. Longer ones are not: their texts are the cache's keys, and clients choose them. */
const CACHED_DOCUMENTS = 500;
const CACHED_DOCUMENT_CHARACTERS = 8000;

/** Forgets the oldest at its bound. */
class DocumentCache<T> {
  readonly #entries = new Map<string, T>();

  get(text: string): T | undefined {
    return this.#entries.get(text);
  }

  set(text: string, value: T): void {
    if (text.length > CACHED_DOCUMENT_CHARACTERS) return;
    if (this.#entries.size >= CACHED_DOCUMENTS) {
      const oldest = this.#entries.keys().next();
      if (!oldest.done) this.#entries.delete(oldest.value);
    }
    this.#entries.set(text, value);
  }
}

/** What yoga itself provides for browsers is off: http/ decides on origins, GraphiQL and sizes. */
export const createEnvelope = (services: Services, mask: ErrorMask): Envelope =>
  createYoga<Transport, ApiContext>({
    schema,
    context: () => createContext(services),
    graphqlEndpoint: GRAPHQL_PATH,
    // Node's own classes: a stream whose reader leaves must tell its source at once.
    fetchAPI: { Request, Response, Headers, ReadableStream, TransformStream, TextEncoder, TextDecoder },
    plugins: [documentLimits, inputErrors, logSubscriptions(), streamedAnswers()],
    maskedErrors: { errorMessage: 'Unexpected error.', isDev: false, maskError: (error) => mask(error) },
    parserAndValidationCache: {
      documentCache: new DocumentCache<DocumentNode>(),
      errorCache: new DocumentCache<unknown>(),
      validationCache: true,
    },
    maxRequestBodySize: false,
    batching: false,
    cors: false,
    graphiql: false,
    landingPage: false,
    multipart: false,
    logging: false,
  });
