/**
 * Executes all operations with graphql-js, because yoga's own executor coerces literals differently. Log subscriptions
 * are executed differently from their source on: pieces of a log, and results shared as text.
 */
import {
  createSourceEventStream,
  type ExecutionResult,
  execute,
  mapSourceToResponseEvent,
  validateSubscriptionArgs,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { PullIterator, type PullSource } from '../../async/pullIterator.ts';
import { LATER } from '../../async/source.ts';
import { type LogPiece, LogStream, type PieceSource } from '../../delivery/pieces.ts';
import { type SharedSelection, SharedSelections } from '../../delivery/sharedTexts.ts';
import type { TextSink } from '../../delivery/textSink.ts';
import type { Seq } from '../../domain/events.ts';
import type { ApiContext } from '../context/context.ts';

/**
 * Sends a viewer's shared texts directly to its sink, and returns only results that graphql-js made. So a shared text
 * does not pay for the layers around an iterator.
 */
export class ResultSource implements PullSource<ExecutionResult> {
  readonly #pieces: PieceSource;
  readonly #selection: SharedSelection;
  readonly #sink: TextSink | null;
  /** Results of the current piece that were not returned yet; at most LIMITS.batchEvents. */
  #waiting: PlacedResult[] = [];

  constructor(pieces: PieceSource, selection: SharedSelection, sink: TextSink | null) {
    this.#pieces = pieces;
    this.#selection = selection;
    this.#sink = sink;
  }

  async next(signal: AbortSignal): Promise<ExecutionResult | null> {
    for (;;) {
      const waiting = this.#waiting.shift();
      if (waiting !== undefined) {
        this.#sink?.reached?.(waiting.position);
        return waiting.result;
      }
      const piece = this.#pieces.take();
      if (piece === null) return null;
      if (piece === LATER) {
        await this.#pieces.more(signal);
        continue;
      }
      const shared = this.#sink === null ? null : this.#selection.textsOf(piece);
      if (!piece.tellsPosition && (shared?.empty ?? piece.parts().length === 0)) {
        this.#sink?.reached?.(piece.lastSeq);
        continue;
      }
      if (shared === null) {
        this.#waiting = placed(piece, await this.#selection.resultsOf(piece));
        continue;
      }
      const full = this.#sink?.send(shared);
      this.#sink?.reached?.(piece.lastSeq);
      if (full) await full;
    }
  }

  close(): void {
    this.#waiting = [];
    this.#pieces.close();
  }
}

/** A result of graphql-js, with the log position that a client has reached when it has the result. */
interface PlacedResult {
  readonly result: ExecutionResult;
  readonly position: Seq;
}

/** One result stands for the whole piece; several stand for its events. The last one reaches the end of the piece. */
const placed = (piece: LogPiece, results: readonly ExecutionResult[]): PlacedResult[] => {
  const events = results.length > 1 ? piece.events() : [];
  return results.map((result, index) => {
    const isLast = index === results.length - 1;
    return { result, position: (isLast ? undefined : events[index]?.event.seq) ?? piece.lastSeq };
  });
};

/** An envelop plugin. */
export const execution = (): Plugin<ApiContext> => {
  const selections = new SharedSelections();
  return {
    onExecute: ({ setExecuteFn }) => setExecuteFn(execute),
    onSubscribe: ({ args, setSubscribeFn }) => {
      setSubscribeFn(async () => {
        const validated = validateSubscriptionArgs(args);
        if (!('schema' in validated)) return { errors: validated };
        const source = await createSourceEventStream(validated);
        if (!(Symbol.asyncIterator in source)) return source;
        if (!(source instanceof LogStream)) return mapSourceToResponseEvent(validated, source);
        try {
          const selection = selections.of(source.field, args);
          return new PullIterator(new ResultSource(source.pieces, selection, args.contextValue.sink ?? null));
        } catch (error) {
          source.pieces.close();
          throw error;
        }
      });
    },
  };
};
