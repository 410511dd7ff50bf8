/**
 * Log subscriptions on a path of their own: sources of pieces, results shared as text. Everything before
 * (parsing, validation, limits, arguments, errors) and everything else is as for any operation.
 */
import { createSourceEventStream, type ExecutionResult, validateSubscriptionArgs } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { LATER } from '../log/source.ts';
import type { ApiContext } from './context.ts';
import { LogStream, type PieceSource } from './logSources.ts';
import { PullIterator, type PullSource } from './pullIterator.ts';
import { logFieldOf, type SharedSelection, SharedSelections } from './sharedResults.ts';
import type { TextSink } from './textSink.ts';

/**
 * Sends a viewer's shared texts to its sink and gives back only what graphql-js made: a text costs none of what the
 * layers around an iterator do for each result.
 */
export class ResultSource implements PullSource<ExecutionResult> {
  readonly #pieces: PieceSource;
  readonly #selection: SharedSelection;
  readonly #sink: TextSink | null;
  /** Of the present piece; at most LIMITS.batchEvents. */
  #waiting: ExecutionResult[] = [];

  constructor(pieces: PieceSource, selection: SharedSelection, sink: TextSink | null) {
    this.#pieces = pieces;
    this.#selection = selection;
    this.#sink = sink;
  }

  async next(signal: AbortSignal): Promise<ExecutionResult | null> {
    for (;;) {
      const waiting = this.#waiting.shift();
      if (waiting !== undefined) return waiting;
      const piece = this.#pieces.take();
      if (piece === null) return null;
      if (piece === LATER) {
        await this.#pieces.more(signal);
        continue;
      }
      const shared = this.#sink === null ? null : this.#selection.textsOf(piece);
      if (!piece.tellsPosition && (shared?.empty ?? piece.parts().length === 0)) continue;
      if (shared === null) {
        this.#waiting = [...(await this.#selection.resultsOf(piece))];
        continue;
      }
      const full = this.#sink?.send(shared);
      if (full) await full;
    }
  }

  close(): void {
    this.#waiting = [];
    this.#pieces.close();
  }
}

/** An envelop plugin. */
export const logSubscriptions = (): Plugin<ApiContext> => {
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
        const { sink } = args.contextValue;
        return new PullIterator(new ResultSource(source.pieces, selections.of(field, args), sink ?? null));
      });
    },
  };
};
