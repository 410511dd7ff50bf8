/**
 * Persisted documents: requests that name a document by an id instead of sending its text. With a manifest
 * (PERSISTED_DOCUMENTS) only its documents are executed.
 *
 * A request names the id as `documentId` (GraphQL over HTTP, "Persisted Documents":
 * https://github.com/graphql/graphql-over-http/pull/264), with or without the prefix `sha256:`, or as
 * `extensions.persistedQuery.sha256Hash` (Apollo's link and urql's exchange for persisted queries).
 */
import { GraphQLError, parse, validate } from 'graphql';
import type { ErrorCode } from '../../domain/errors.ts';
import { schema } from '../schema/schema.ts';

/** Texts of the allowed documents by their ids; `persisted-documents.json` of graphql-codegen. */
export type Manifest = ReadonlyMap<string, string>;

/** The part of a request that says which document to execute. */
interface Named {
  readonly query?: unknown;
  readonly documentId?: unknown;
  readonly extensions?: unknown;
}

/** A request whose document is not executed. */
export class RefusedDocument extends GraphQLError {
  readonly code: ErrorCode;
  /** Of the answer over HTTP. */
  readonly status: number;

  constructor(code: ErrorCode, status: number, message: string) {
    super(message, { extensions: { code } });
    this.code = code;
    this.status = status;
  }
}

const idOf = ({ documentId, extensions }: Named): string | null => {
  if (typeof documentId === 'string') return documentId;
  const { persistedQuery } = (extensions ?? {}) as {
    readonly persistedQuery?: { readonly sha256Hash?: unknown } | null;
  };
  return typeof persistedQuery?.sha256Hash === 'string' ? persistedQuery.sha256Hash : null;
};

export class PersistedDocuments {
  readonly #byId: Manifest | null;
  readonly #texts: ReadonlySet<string>;

  /** @param manifest null: every document is allowed, and none can be named by an id */
  constructor(manifest: Manifest | null) {
    this.#byId = manifest;
    this.#texts = new Set(manifest?.values());
  }

  /**
   * The request with the text of its document as `query`. Requests without an id pass unchanged if their document is
   * allowed. @throws RefusedDocument with the code PERSISTED_QUERY_NOT_FOUND, PERSISTED_QUERY_NOT_SUPPORTED (both are read by
   * Apollo Client and urql) or FORBIDDEN
   */
  resolve<Request extends Named>(request: Request): Request {
    const id = idOf(request);
    if (this.#byId === null) {
      if (id === null || (typeof request.query === 'string' && request.query !== '')) return without(request);
      throw new RefusedDocument(
        'PERSISTED_QUERY_NOT_SUPPORTED',
        400,
        'This service has no persisted documents. Send the text of the document as "query".',
      );
    }
    if (id === null) {
      if (typeof request.query !== 'string' || this.#texts.has(request.query)) return request;
      throw new RefusedDocument(
        'FORBIDDEN',
        403,
        'Only persisted documents are allowed here. Send the id of one as "documentId".',
      );
    }
    const text = this.#byId.get(id) ?? this.#byId.get(id.replace(/^sha256:/, ''));
    if (text !== undefined) return { ...without(request), query: text };
    throw new RefusedDocument(
      'PERSISTED_QUERY_NOT_FOUND',
      404,
      'No persisted document has this id. Check the id and the manifest of the service.',
    );
  }
}

/** Without `documentId`, which later stages do not know. */
const without = <Request extends Named>(request: Request): Request => {
  if (request.documentId === undefined) return request;
  const { documentId: _documentId, ...rest } = request;
  return rest as Request;
};

/** Problems of the manifest's documents, one sentence for each document that is not valid for the schema. */
export const manifestProblems = (manifest: Manifest): readonly string[] =>
  [...manifest].flatMap(([id, text]) => {
    try {
      const [error] = validate(schema, parse(text));
      return error === undefined ? [] : [`${id}: ${error.message}`];
    } catch (error) {
      return [`${id}: ${error instanceof Error ? error.message : 'not a valid document'}`];
    }
  });
