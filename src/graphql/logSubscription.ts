/**
 * Log subscriptions on a path of their own: sources of pieces, results shared as text. Everything before
 * (parsing, validation, limits, arguments, errors) and everything else is as for any operation.
 */
import { createSourceEventStream, type ExecutionResult, validateSubscriptionArgs } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { LogStream, type PieceSource } from './logSources.ts';
import { PullIterator, type PullSource } from './pullIterator.ts';
import { logFieldOf, type SharedSelection, SharedSelections, type SharedTexts } from './sharedResults.ts';

/** Set in the context by a transport that can send several messages for one result (SharedResult.texts). */
export interface TransportContext {
  readonly manyTexts?: boolean;
}

/** A result that is text already (SharedTexts). `stringify` is what yoga's server-sent events take (its result processor). */
export class SharedResult {
  readonly texts: readonly Buffer[];
  readonly stringify: () => string;
  constructor(texts: readonly Buffer[]) {
    this.texts = texts;
    this.stringify = () => texts[0]?.toString('utf8', 0, texts[0].length - 1) ?? '';
  }
}

type Result = ExecutionResult | SharedResult;

/** Results of one viewer: shared texts where there are, else what graphql-js makes. */
class ResultSource implements PullSource<Result> {
  readonly #pieces: PieceSource;
  readonly #selection: SharedSelection;
  readonly #many: boolean;
  /** Of the present piece; at most LIMITS.batchEvents. */
  #waiting: Result[] = [];

  constructor(pieces: PieceSource, selection: SharedSelection, many: boolean) {
    this.#pieces = pieces;
    this.#selection = selection;
    this.#many = many;
  }

  async next(signal: AbortSignal): Promise<Result | null> {
    for (;;) {
      const waiting = this.#waiting.shift();
      if (waiting !== undefined) return waiting;
      const piece = await this.#pieces.next(signal);
      if (piece === null) return null;
      const shared = this.#selection.textsOf(piece);
      if (shared === null) this.#waiting = [...(await this.#selection.resultsOf(piece))];
      else if (this.#many && shared.texts.length > 0) return resultOf(shared);
      else this.#waiting = shared.texts.map((text) => new SharedResult([text]));
    }
  }

  close(): void {
    this.#waiting = [];
    this.#pieces.close();
  }
}

const results = new WeakMap<SharedTexts, SharedResult>();

/** One object for all viewers of the texts. */
const resultOf = (shared: SharedTexts): SharedResult => {
  const known = results.get(shared);
  if (known !== undefined) return known;
  const made = new SharedResult(shared.texts);
  results.set(shared, made);
  return made;
};

/** An envelop plugin. */
export const logSubscriptions = (): Plugin => {
  const selections = new SharedSelections();
  return {
    onSubscribe: ({ args, setSubscribeFn }) => {
      const field = logFieldOf(args.document, args.operationName);
      if (field === null) return;
      setSubscribeFn(async () => {
        const validated = validateSubscriptionArgs(args);
        if (!('schema' in validated)) return { errors: validated };
        const source = await createSourceEventStream(validated);
        if (!(source instanceof LogStream)) return source;
        const many = (args.contextValue as TransportContext | undefined)?.manyTexts === true;
        return new PullIterator(new ResultSource(source.pieces, selections.of(field, args), many));
      });
    },
  };
};
