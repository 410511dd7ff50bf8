/** A cache of parsed, valid documents. Refused documents are not cached: each costs its client again. */
import type { DocumentNode } from 'graphql';
import type { Plugin } from 'graphql-yoga';

/** Approximate memory of all cached documents, bytes. The least recently used one is removed first. */
const KEPT_BYTES = 16 * 1024 * 1024;
/** Longer documents are not cached, because clients choose them. */
const MAX_CHARACTERS = 8000;
/** Memory of a token with its nodes and its place in the tree (measured with graphql 17.1). */
const TOKEN_BYTES = 300;

const bytesOf = (text: string, document: DocumentNode): number =>
  2 * text.length + TOKEN_BYTES * (document.tokenCount ?? text.length);

class KnownDocuments {
  readonly #byText = new Map<string, { readonly document: DocumentNode; readonly bytes: number }>();
  readonly #valid = new WeakSet<DocumentNode>();
  #bytes = 0;

  /** The document of this text, if it is known to be valid. */
  of(text: string): DocumentNode | null {
    const known = this.#byText.get(text);
    if (known === undefined) return null;
    this.#byText.delete(text);
    this.#byText.set(text, known);
    return known.document;
  }

  isValid(document: DocumentNode): boolean {
    return this.#valid.has(document);
  }

  keep(document: DocumentNode): void {
    const text = document.loc?.source.body;
    if (text === undefined || text.length > MAX_CHARACTERS || this.#byText.has(text)) return;
    const bytes = bytesOf(text, document);
    this.#valid.add(document);
    this.#byText.set(text, { document, bytes });
    this.#bytes += bytes;
    for (const [oldest, kept] of this.#byText) {
      if (this.#bytes <= KEPT_BYTES) return;
      this.#byText.delete(oldest);
      this.#bytes -= kept.bytes;
    }
  }
}

/** An envelop plugin. It replaces yoga's own cache, which also caches errors and counts documents instead of bytes. */
export const knownDocuments = (): Plugin => {
  const known = new KnownDocuments();
  return {
    onParse: ({ params, setParsedDocument }) => {
      const document = typeof params.source === 'string' ? known.of(params.source) : null;
      if (document !== null) setParsedDocument(document);
    },
    onValidate: ({ params, setResult }) => {
      if (known.isValid(params.documentAST)) {
        setResult([]);
        return;
      }
      return ({ valid }) => {
        if (valid) known.keep(params.documentAST);
      };
    },
  };
};
