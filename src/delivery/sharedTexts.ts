/**
 * Results of log subscriptions as text, made once for all viewers of the same selection and the same piece of a log. A
 * selection is the document, the operation and the variables that results depend on. Arguments that differ after a
 * reconnect (after, tail, maxBatch) are not part of it.
 */
import {
  type DocumentNode,
  type ExecutionResult,
  execute,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  getOperationAST,
  type OperationDefinitionNode,
} from 'graphql';
import type { LogEntry } from '../log/viewer.ts';
import { type CompiledOperation, compileSubscription } from './compiledSelection.ts';
import { type EventSource, LinesSource } from './eventSource.ts';
import { NotCompiled } from './jsonWriters.ts';
import { type SeqRange, type SharedTexts, textIn, WITH_PREFIX, WITHOUT_PREFIX } from './messageLayout.ts';
import { batchOf, type LogField, type LogPiece } from './pieces.ts';
import { Recent } from './recent.ts';
import type { Variables } from './selectionCompiler.ts';
import { fragmentsOf, selectionVariables } from './selectionVariables.ts';

/**
 * Bytes of texts that are kept for viewers at the same position; the oldest go first and are made again when needed.
 * Enough for a feed's ring. Without a bound, a viewer that stalls would keep all texts of its entry.
 */
const KEPT_BYTES = 32 * 1024 * 1024;

/** Bytes of selections that are kept, roughly; the oldest go first and are compiled again when needed. */
const SELECTIONS_BYTES = 16 * 1024 * 1024;
/** Bytes of a document's token in its tree and in the functions compiled from it, roughly. */
const TOKEN_BYTES = 1000;
/** A selection with a longer key is not shared: clients choose documents. */
const MAX_KEY_CHARACTERS = 8000;

type TextsByName = Map<string, SharedTexts>;

/** Bytes that an entry of the cache costs besides its texts and its name. */
const KEEPING_BYTES = 500;
/** Bytes of a Buffer object besides its content, roughly. */
const BUFFER_BYTES = 150;

/** Several texts are small buffers, and a second time in the frames that they are laid out in (sinks/frames.ts). */
const memoryOf = ({ texts, memory }: SharedTexts): number =>
  memory?.length ?? texts.reduce((sum, { length }) => sum + 2 * length + BUFFER_BYTES, 0);

interface SelectionParts {
  readonly field: LogField;
  readonly compiled: CompiledOperation | null;
  readonly fallback: (rootValue: unknown) => ExecutionResult | Promise<ExecutionResult>;
  /** Whether results can contain `caughtUp`. If not, viewers that catch up reuse the texts made for live viewers. */
  readonly tellsCaughtUp: boolean;
  readonly recent: Recent<SharedTexts>;
}

/** The texts of one selection. */
export class SharedSelection {
  readonly #parts: SelectionParts;
  readonly #known = new WeakMap<LogEntry, TextsByName>();

  constructor(parts: SelectionParts) {
    this.#parts = parts;
  }

  /** The piece's texts; null if graphql-js has to make its results (resultsOf). */
  textsOf(piece: LogPiece): SharedTexts | null {
    const { compiled, tellsCaughtUp, recent } = this.#parts;
    if (compiled === null) return null;
    const { entry } = piece;
    const name = tellsCaughtUp ? `${piece.caughtUp ? 1 : 0} ${piece.name}` : piece.name;
    const known = entry === null ? undefined : this.#known.get(entry);
    const held = known?.get(name);
    if (held !== undefined) return held;
    const made = this.#make(piece, compiled);
    if (made === null || entry === null) return made;
    const among: TextsByName = known ?? new Map();
    if (known === undefined) this.#known.set(entry, among);
    among.set(name, made);
    recent.keep(made, KEEPING_BYTES + name.length + memoryOf(made), () => among.delete(name));
    return made;
  }

  /** The piece's results by graphql-js, one per message. */
  async resultsOf(piece: LogPiece): Promise<readonly ExecutionResult[]> {
    const { field, fallback } = this.#parts;
    if (field === 'runLogBatches') return [await fallback(batchOf(piece))];
    return await Promise.all(piece.events().map((event: EventSource) => fallback(event)));
  }

  #make(piece: LogPiece, compiled: CompiledOperation): SharedTexts | null {
    try {
      const { runId, lastSeq, caughtUp } = piece;
      const parts = piece.parts();
      if (this.#parts.field === 'runLogBatches') {
        const memory = compiled.result({ runId, events: parts, lastSeq, caughtUp }, WITH_PREFIX);
        const seqs = [{ first: lastSeq, count: 1 }];
        return { texts: [textIn(memory)], seqs, memory, empty: parts.length === 0 };
      }
      const texts = parts.flatMap((part) =>
        part instanceof LinesSource
          ? compiled.lineResults(part, WITHOUT_PREFIX)
          : compiled.result(part, WITHOUT_PREFIX),
      );
      return { texts, seqs: parts.map(seqsOf), memory: null, empty: parts.length === 0 };
    } catch (error) {
      if (error instanceof NotCompiled) return null;
      throw error;
    }
  }
}

const seqsOf = (part: EventSource | LinesSource): SeqRange =>
  part instanceof LinesSource
    ? { first: part.lines.firstSeq, count: part.lines.count }
    : { first: part.event.seq, count: 1 };

export interface SelectionRequest {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variableValues?: Variables | null | undefined;
}

/** The selections of one GraphQL server. */
export class SharedSelections {
  readonly #selections = new Map<string, SharedSelection>();
  readonly #remembered = new Recent<SharedSelection>(SELECTIONS_BYTES);
  /** The texts of all selections. */
  readonly #recent = new Recent<SharedTexts>(KEPT_BYTES);

  /** The same object for each request of the same selection. */
  of(field: LogField, request: SelectionRequest): SharedSelection {
    const { schema, document, operationName, variableValues } = request;
    const operation = getOperationAST(document, operationName);
    if (!operation) throw new TypeError('the operation was not validated');
    const fragments = fragmentsOf(document);
    const variables = selectionVariables(
      operation,
      fragments,
      schema.getSubscriptionType()?.name,
      variableValues ?? {},
    );
    const text = document.loc?.source.body;
    // The parser here keeps the text. Without it, documents cannot be compared.
    if (text === undefined) return this.#make(field, request, operation, fragments, variables);
    const key = JSON.stringify([text, operationName ?? null, variables]);
    const known = this.#selections.get(key);
    if (known !== undefined) return known;
    const made = this.#make(field, request, operation, fragments, variables);
    if (key.length > MAX_KEY_CHARACTERS) return made;
    this.#selections.set(key, made);
    const bytes = 2 * key.length + TOKEN_BYTES * (document.tokenCount ?? key.length);
    this.#remembered.keep(made, bytes, () => this.#selections.delete(key));
    return made;
  }

  #make(
    field: LogField,
    request: SelectionRequest,
    operation: OperationDefinitionNode,
    fragments: ReadonlyMap<string, FragmentDefinitionNode>,
    variables: Variables,
  ): SharedSelection {
    const { schema, document, operationName, variableValues } = request;
    const fallback = (rootValue: unknown) =>
      execute({
        schema,
        document,
        operationName: operationName ?? null,
        variableValues: variableValues ?? {},
        // No context: it belongs to one request, and resolvers below the root read only their source.
        rootValue,
      });
    return new SharedSelection({
      field,
      compiled: compiled(schema, operation, fragments, variables),
      fallback,
      tellsCaughtUp: document.loc?.source.body.includes('caughtUp') ?? true,
      recent: this.#recent,
    });
  }
}

const compiled = (
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  variables: Variables,
): CompiledOperation | null => {
  try {
    return compileSubscription(schema, operation, fragments, variables);
  } catch (error) {
    if (error instanceof NotCompiled) return null;
    throw error;
  }
};
