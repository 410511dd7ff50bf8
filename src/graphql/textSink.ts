/** Where results of a log go as text: provided by whoever has the connection, used below graphql's own iterators. */
import type { SharedTexts } from './sharedResults.ts';

export interface TextSink {
  /**
   * Sends each text as a result, in order with all else. Answers a promise where the reader should be waited for: it
   * resolves when more may be sent, and also where the reader is gone, whose end is told elsewhere.
   */
  send(shared: SharedTexts): Promise<void> | null;
}
