/** Answers that go on: yoga decides on status and media type, and whoever has the connection sends the results. */
import type { ExecutionResult } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import { isLarge } from '../../delivery/resultText.ts';
import type { Transport } from '../context/context.ts';

/** The answer to a subscription over HTTP. It has no body of yoga's; its results come from an iterator. */
export class StreamedAnswer extends Response {
  readonly results: AsyncIterator<ExecutionResult>;
  constructor(results: AsyncIterator<ExecutionResult>) {
    super(null, { headers: { 'Content-Type': 'text/event-stream' } });
    this.results = results;
  }
}

/** Stands for a large result, whose text the transport makes: yoga decides on the answer's status and headers alone. */
const NOTHING = '';

/**
 * A yoga plugin, in place of yoga's own server-sent events where results follow each other: those make each
 * result's text for each reader. A subscription has no other media type.
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
    // The client takes no media type of these: yoga answers 406 and forgets what was subscribed.
    else await results.return?.();
  },
});
