/**
 * Makes a graphql-ws client follow runs without losing or repeating a line. Wrap the client that Apollo's
 * GraphQLWsLink, urql's subscriptionExchange or your own code uses; operations without a log pass through.
 *
 *     const client = resumable(createClient({ url, retryAttempts: 0 }), { onState: (state) => … });
 *
 * Stock clients send their first variables again when they reconnect, so a log starts anew; they give up
 * after five tries; and they take a closed socket for the end. Here a subscription to runLogs or
 * runLogBatches goes on after the last seq, drops what it had, tries for ever with jitter, and ends only
 * after RunFinished. The operation needs a variable `after`, and `__typename seq` (runLogs) or
 * `lastSeq events { __typename seq }` (runLogBatches) in its selection.
 */
import type { Client, ExecutionResult, Sink, SubscribePayload } from 'graphql-ws';

/** connecting: not there yet · live: events flow · reconnecting: lost, trying again · ended: complete or refused. */
export type FollowState = 'connecting' | 'live' | 'reconnecting' | 'ended';
export interface ResumableOptions {
  readonly onState?: (state: FollowState, payload: SubscribePayload) => void;
  /** The longest pause between two tries, ms; the first is up to 500 ms. Default 10,000. */
  readonly maxPauseMs?: number;
}

interface LogEvent {
  readonly __typename?: string;
  readonly seq: number;
}
interface LogBatch {
  readonly lastSeq: number;
  readonly events?: readonly LogEvent[];
}
type Data = Record<string, unknown>;

/** Codes after which trying again cannot help: the protocol was broken, or the caller is not let in. */
const FATAL_CLOSES = new Set([1002, 1003, 1007, 1009, 4400, 4401, 4406, 4409, 4429]);
const isLost = (error: unknown): boolean => {
  if (Array.isArray(error)) return error.every((one) => one?.extensions?.code === 'UNAVAILABLE');
  const code = (error as { code?: unknown } | null)?.code;
  return !(typeof code === 'number' && FATAL_CLOSES.has(code));
};

export const resumable = (client: Client, options: ResumableOptions = {}): Client => ({
  ...client,
  subscribe: <D = Data, E = unknown>(payload: SubscribePayload, sink: Sink<ExecutionResult<D, E>>) => {
    const variables: Record<string, unknown> = { ...payload.variables };
    let last = -1;
    let ended = false;
    let stopped = false;
    let progress = false;
    let tries = 0;
    let stop = (): void => undefined;
    const tell = (state: FollowState): void => options.onState?.(state, payload);

    /** The result less what was had before, or null where nothing is left of it. */
    const fresh = (result: ExecutionResult<D, E>): ExecutionResult<D, E> | null => {
      const [[field, value] = []] = Object.entries((result.data ?? {}) as Data);
      const event = value as Partial<LogEvent & LogBatch> | null | undefined;
      if (field === undefined || typeof (event?.lastSeq ?? event?.seq) !== 'number') return result;
      const events = event?.events ?? (typeof event?.seq === 'number' ? [event as LogEvent] : []);
      const unseen = events.filter(({ seq }) => seq > last);
      ended ||= events.some(({ __typename }) => __typename === 'RunFinished');
      const seq = Math.max(last, event?.lastSeq ?? event?.seq ?? 0);
      progress ||= seq > last;
      last = seq;
      // Also for the client's own silent reconnects: it sends this very object again.
      variables.after = last;
      if (events.length > 0 && unseen.length === 0) return null;
      return unseen.length === events.length
        ? result
        : { ...result, data: { ...result.data, [field]: { ...event, events: unseen } } as D };
    };

    const again = (): void => {
      if (stopped) return;
      tell('reconnecting');
      const pause = Math.random() * Math.min(500 * 2 ** tries, options.maxPauseMs ?? 10_000);
      tries += 1;
      const timer = setTimeout(start, pause);
      stop = () => clearTimeout(timer);
    };
    const start = (): void => {
      progress = false;
      stop = client.subscribe<D, Record<string, unknown>>({ ...payload, variables }, {
        next: (result: ExecutionResult<D, E>) => {
          tries = 0;
          tell('live');
          const news = fresh(result);
          if (news !== null) sink.next(news);
        },
        error: (error: unknown) => {
          if (last >= 0 || tries > 0 || !Array.isArray(error) ? isLost(error) : false) return again();
          tell('ended');
          sink.error(error);
        },
        // A socket closed as usual looks like an end too. The server completes at once where there is nothing more.
        complete: () => {
          if (!stopped && !ended && last >= 0 && progress) return again();
          tell('ended');
          sink.complete();
        },
      } as Sink<ExecutionResult<D, Record<string, unknown>>>);
    };
    tell('connecting');
    start();
    return () => {
      stopped = true;
      stop();
    };
  },
});
