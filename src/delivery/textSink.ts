/** Where results of a log go as text: provided by whoever has the connection, used below graphql's own iterators. */
import type { Seq } from '../domain/events.ts';
import type { SharedTexts } from './sharedTexts.ts';

export interface TextSink {
  /**
   * Sends each text as a result, in order with all else. Answers a promise where the reader should be waited for: it
   * resolves when more may be sent, and also where the reader is gone, whose end is told elsewhere.
   */
  send(shared: SharedTexts): Promise<void> | null;
  /**
   * Told the reader's position in the log: of what was sent, or of the result that graphql-js is about to hand over, or
   * of a piece from which a filter left nothing.
   */
  reached?(position: Seq): void;
}
