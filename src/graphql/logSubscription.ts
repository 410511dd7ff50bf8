/**
 * Log subscriptions on a path of their own: sources of pieces, results shared as text. Everything before
 * (parsing, validation, limits, arguments, errors) and everything else is as for any operation.
 */
import { createSourceEventStream, type ExecutionResult, validateSubscriptionArgs } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { LogStream, type PieceSource } from './logSources.ts';
import { PullIterator, type PullSource } from './pullIterator.ts';
import { logFieldOf, type SharedSelection, SharedSelections, type SharedTexts } from './sharedResults.ts';

/** Results of the same shape, one after another, that are text already (SharedTexts). */
export class SharedResult {
  readonly texts: readonly Buffer[];
  constructor(texts: readonly Buffer[]) {
    this.texts = texts;
  }
}

type Result = ExecutionResult | SharedResult;

/** Results of one viewer: shared texts where there are, else what graphql-js makes. */
class ResultSource implements PullSource<Result> {
  readonly #pieces: PieceSource;
  readonly #selection: SharedSelection;
  /** Of the present piece; at most LIMITS.batchEvents. */
  #waiting: Result[] = [];

  constructor(pieces: PieceSource, selection: SharedSelection) {
    this.#pieces = pieces;
    this.#selection = selection;
  }

  async next(signal: AbortSignal): Promise<Result | null> {
    for (;;) {
      const waiting = this.#waiting.shift();
      if (waiting !== undefined) return waiting;
      const piece = await this.#pieces.next(signal);
      if (piece === null) return null;
      const shared = this.#selection.textsOf(piece);
      if (shared === null) this.#waiting = [...(await this.#selection.resultsOf(piece))];
      else if (shared.texts.length > 0) return resultOf(shared);
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
        return new PullIterator(new ResultSource(source.pieces, selections.of(field, args)));
      });
    },
  };
};
