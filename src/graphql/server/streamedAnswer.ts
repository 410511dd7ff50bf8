/** Streamed responses: yoga decides on status and media type, and src/http sends the results. */
import type { ExecutionResult } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import { isLarge } from '../../delivery/resultText.ts';
import type { Transport } from '../context/context.ts';

/** The response to a subscription over HTTP. It has no body; its results come from an iterator. */
export class StreamedAnswer extends Response {
  readonly results: AsyncIterator<ExecutionResult>;
  constructor(results: AsyncIterator<ExecutionResult>) {
    super(null, { headers: { 'Content-Type': 'text/event-stream' } });
    this.results = results;
  }
}

/** Body of the response to a large result: the transport makes the text, and yoga only decides on status and headers. */
const NOTHING = '';

/**
 * A yoga plugin that replaces yoga's server-sent events for subscriptions, which make the text of each result again for
 * each reader. Subscriptions have no other media type over HTTP.
 */
export const streamedAnswers = (): Plugin<object, Transport> => ({
  onResultProcess: async ({ result, resultProcessor, setResultProcessor, setResult, serverContext }) => {
    if (!isAsyncIterable(result)) {
      const { takeLarge } = serverContext as Transport;
      if (takeLarge === undefined || Array.isArray(result) || !isLarge(result)) return;
      takeLarge(result as ExecutionResult);
      setResult({ ...result, stringify: () => NOTHING });
      return;
    }
    const results = (result as AsyncIterable<ExecutionResult>)[Symbol.asyncIterator]();
    if (resultProcessor !== undefined) setResultProcessor(() => new StreamedAnswer(results), 'text/event-stream');
    // The client accepts no supported media type: yoga answers 406 and forgets the subscription.
    else await results.return?.();
  },
});
