/** Where the results of a log go as texts, past graphql's iterators. Implemented by each kind of connection. */
import type { Seq } from '../domain/events.ts';
import type { SharedTexts } from './messageLayout.ts';

export interface TextSink {
  /**
   * Sends each text as a result, in order with everything else that is sent. One call at a time. Null: send more at
   * once. Otherwise wait for the promise; it also resolves if the reader has left. Leaves the texts unchanged.
   */
  send(shared: SharedTexts): Promise<void> | null;
  /**
   * Called with the reader's position in the log: after what was sent, before a result that graphql-js makes, and for a
   * piece of which a filter left nothing.
   */
  reached?(position: Seq): void;
}
