/**
 * Results of log subscriptions as text, made once and shared by all viewers that ask for the same: the
 * same selection (document, operation, variables that reach below the root field's arguments) of the same
 * piece of a log. What differs after a reconnect (after, tail, maxBatch) is no part of it.
 */
import {
  type ASTNode,
  type DocumentNode,
  type ExecutionResult,
  execute,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  visit,
} from 'graphql';
import type { Seq } from '../domain/events.ts';
import type { LogEntry } from '../log/viewer.ts';
import { type CompiledOperation, compileSubscription, NotCompiled, type Variables } from './compiledSelection.ts';
import { type EventSource, LinesSource } from './eventSource.ts';
import { batchOf, type LogField, type LogPiece } from './pieces.ts';
import { Recent } from './recent.ts';

/** Bytes before a text that is alone which mean nothing, so that a socket can put a message's head right before it. */
export const HEAD_ROOM = 128;

export interface SeqRange {
  readonly first: Seq;
  readonly count: number;
}

/** A result each, as JSON, with the brace that closes the `next` message around it: sockets send it as it is. */
export interface SharedTexts {
  readonly texts: readonly Buffer[];
  /** Where each text leads to, in order: so many texts with seqs that follow each other, from the first one on. */
  readonly seqs: readonly SeqRange[];
  /** Where there is one text alone: the memory that it ends, HEAD_ROOM bytes longer. */
  readonly memory: Buffer | null;
  /** Whether a filter took out all, so that they tell no more than a position. */
  readonly empty: boolean;
}

const CLOSING_BRACE = '}';

/**
 * Texts that are kept for whoever comes to the same place, bytes; beyond it the oldest go, and are made anew. Enough
 * for what a feed's ring holds: without a bound, a viewer that stalls would keep all texts of the entry that it is at.
 */
const KEPT_BYTES = 32 * 1024 * 1024;

/** Selections that are remembered, bytes in memory, about; beyond it the oldest go and are made anew by whoever comes. */
const SELECTIONS_BYTES = 16 * 1024 * 1024;
/** What a token of the document is in its tree and in the functions that are compiled from it, about. */
const TOKEN_BYTES = 1000;
/** One with a longer name is its viewer's own: clients choose documents. */
const MAX_KEY_CHARACTERS = 8000;

type TextsByName = Map<string, SharedTexts>;

/** What it costs to keep texts, beside their bytes and those of their name. */
const KEEPING_BYTES = 500;
/** A Buffer beside its bytes, about. */
const BUFFER_BYTES = 150;

/** Several texts are small buffers, and once more in the frames that sockets lay them out in (sinks/frames.ts). */
const memoryOf = ({ texts, memory }: SharedTexts): number =>
  memory?.length ?? texts.reduce((sum, { length }) => sum + 2 * length + BUFFER_BYTES, 0);

interface SelectionParts {
  readonly field: LogField;
  readonly compiled: CompiledOperation | null;
  readonly fallback: (rootValue: unknown) => ExecutionResult | Promise<ExecutionResult>;
  /** Whether results may say `caughtUp`. If not, who follows live and who comes behind share their texts. */
  readonly tellsCaughtUp: boolean;
  readonly recent: Recent<SharedTexts>;
}

/** All viewers of one selection. */
export class SharedSelection {
  readonly #parts: SelectionParts;
  readonly #known = new WeakMap<LogEntry, TextsByName>();

  constructor(parts: SelectionParts) {
    this.#parts = parts;
  }

  /** The piece's texts, or the results that graphql-js made where it has to. */
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

  /** What graphql-js says of the piece, a result per message. */
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
        const memory = compiled.result({ runId, events: parts, lastSeq, caughtUp }, CLOSING_BRACE, HEAD_ROOM);
        const seqs = [{ first: lastSeq, count: 1 }];
        return { texts: [memory.subarray(HEAD_ROOM)], seqs, memory, empty: parts.length === 0 };
      }
      const texts = parts.flatMap((part) =>
        part instanceof LinesSource
          ? compiled.lineResults(part, CLOSING_BRACE)
          : compiled.result(part, CLOSING_BRACE, 0),
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

/** The selections of one envelope. */
export class SharedSelections {
  readonly #selections = new Map<string, SharedSelection>();
  readonly #remembered = new Recent<SharedSelection>(SELECTIONS_BYTES);
  /** The texts of all selections. */
  readonly #recent = new Recent<SharedTexts>(KEPT_BYTES);

  /** The viewers of the same selection get the same object. */
  of(field: LogField, request: SelectionRequest): SharedSelection {
    const { schema, document, operationName, variableValues } = request;
    const operation = getOperationAST(document, operationName);
    if (!operation) throw new TypeError('the operation was not validated');
    const fragments = fragmentsOf(document);
    const variables = below(operation, fragments, schema.getSubscriptionType()?.name, variableValues ?? {});
    const text = document.loc?.source.body;
    // A document without its text (nobody here makes one) is its own selection.
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
        // No context: it is one requester's, and resolvers below the root look at their source alone.
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

const fragmentsOf = (document: DocumentNode): ReadonlyMap<string, FragmentDefinitionNode> =>
  new Map(
    document.definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition]] : [],
    ),
  );

/** The variables, defaults included, that anything but the root field's arguments uses. */
const below = (
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  rootType: string | undefined,
  values: Variables,
): Variables => {
  const used: Record<string, unknown> = {};
  const defaults = new Map(
    operation.variableDefinitions?.map(({ variable, defaultValue }) => [variable.name.value, defaultValue]),
  );
  const note = (name: string): void => {
    const fallback = defaults.get(name);
    used[name] = Object.hasOwn(values, name)
      ? values[name]
      : fallback?.kind === Kind.BOOLEAN
        ? fallback.value
        : undefined;
  };
  const look = (node: ASTNode): void => {
    visit(node, { [Kind.VARIABLE]: (variable) => note(variable.name.value) });
  };
  /** Of the root's fields the selections, of all else everything. Fragments are looked at one by one. */
  const lookAtRoot = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      selection.directives?.forEach(look);
      if (selection.kind === Kind.INLINE_FRAGMENT) lookAtRoot(selection.selectionSet);
      if (selection.kind === Kind.FIELD && selection.selectionSet) look(selection.selectionSet);
    }
  };
  lookAtRoot(operation.selectionSet);
  for (const { typeCondition, selectionSet } of fragments.values()) {
    if (typeCondition.name.value === rootType) lookAtRoot(selectionSet);
    else look(selectionSet);
  }
  return used;
};
