/**
 * Makes a graphql-ws client follow runs without losing or repeating an event, however often it is cut off. Stock
 * clients send their first `after` again when they reconnect, give up after five tries, and take any close for the
 * end. Here a subscription goes on after the last seq, drops what it had, tries again with jitter, and has ended
 * after RunFinished (where a filter hides that: once the server, asked again, completes with nothing new). The
 * operation's line begins with `subscription`; it has a variable `$after` and selects `__typename seq` (runLogs) or
 * `lastSeq events { __typename seq }` (runLogBatches). Other subscriptions start anew; the rest passes through.
 */
import type { Client, Sink, SubscribePayload } from 'graphql-ws';

/** `reconnecting`: lost, trying again. `ended`: complete, refused or stopped. */
export type FollowState = 'connecting' | 'live' | 'reconnecting' | 'ended';
export interface ResumableOptions {
  readonly onState?: (state: FollowState, payload: SubscribePayload) => void;
  /** Bound of the random pause before a try, ms; the first is below 500, and it doubles. Default 10,000. */
  readonly maxPauseMs?: number;
}
type Log = { readonly __typename?: string; readonly seq?: number; readonly lastSeq?: number; readonly events?: Log[] };
type Result = { readonly data?: Record<string, Log | null> | null };

/** Closes after which another try ends alike: a broken protocol, a caller who is not let in. */
const FINAL = [1002, 1003, 1007, 1008, 1009, 1010, 4004, 4005, 4400, 4401, 4406, 4409, 4429];
const isFinal = (error: unknown): boolean => {
  if (Array.isArray(error)) return error.some((one) => one?.extensions?.code !== 'UNAVAILABLE');
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'number' ? FINAL.includes(code) : error instanceof Error;
};

export const resumable = (client: Client, { onState, maxPauseMs = 10_000 }: ResumableOptions = {}): Client => {
  const open = new Set<() => void>();
  const subscribe = (payload: SubscribePayload, sink: Sink<Result>): (() => void) => {
    if (!/^\s*subscription\b/m.test(payload.query)) return client.subscribe(payload, sink);
    // One object for all tries: graphql-ws' own silent reconnects send it again as it is then.
    const variables: Record<string, unknown> = { ...payload.variables };
    let last = typeof variables.after === 'number' ? variables.after : 0;
    let [tries, progress, finished, told] = [0, false, false, ''];
    let stop = (): void => undefined;
    const tell = (state: FollowState): void => {
      if (told !== state) onState?.(state, payload);
      told = state;
    };
    const deaf = [client.on('connected', () => tell('live')), client.on('closed', () => tell('reconnecting'))];
    const end = (error?: unknown): void => {
      for (const off of deaf) off();
      open.delete(leave);
      tell('ended');
      error === undefined ? sink.complete() : sink.error(error);
    };
    /** The result less what was had before; null where nothing is left of it. */
    const fresh = (result: Result): Result | null => {
      const [[field, value] = ['', null]] = Object.entries(result.data ?? {});
      const events = value?.events ?? (value?.seq === undefined ? [] : [value]);
      const seq = events === value?.events ? (value.lastSeq ?? events.at(-1)?.seq) : value?.seq;
      if (seq === undefined) return result;
      const unseen = events.filter((event) => event.seq === undefined || event.seq > last);
      finished ||= events.some((event) => event.__typename === 'RunFinished');
      progress ||= seq > last;
      if (seq > last) variables.after = last = seq;
      if (unseen.length === 0 && events.length > 0) return null;
      const data = unseen.length === events.length ? result.data : { [field]: { ...value, events: unseen } };
      // Without hasNext urql shows the last result a second time.
      return { ...result, data: data ?? null, ...(finished ? { hasNext: false } : {}) };
    };
    const again = (): void => {
      tell('reconnecting');
      const timer = setTimeout(start, Math.random() * Math.min(500 * 2 ** tries++, maxPauseMs));
      stop = () => end(clearTimeout(timer));
    };
    const relay: Sink<Result> = {
      next: (result) => {
        tries = 0;
        tell('live');
        const news = fresh(result);
        if (news !== null) sink.next(news);
      },
      error: (error) => (finished || !open.has(leave) ? end() : isFinal(error) ? end(error) : again()),
      // A close in good order looks like this too. Where there is nothing more, the server completes at once.
      complete: () => (progress && !finished && open.has(leave) ? again() : end()),
    };
    const start = (): void => {
      progress = false;
      stop = client.subscribe({ ...payload, variables }, relay);
    };
    const leave = (): void => {
      // After RunFinished `complete` is under way; graphql-ws 6.4 counts a socket's users wrong if both meet.
      if (open.delete(leave) && !finished) stop();
    };
    open.add(leave);
    tell('connecting');
    start();
    return leave;
  };
  const dispose = (): void | Promise<void> => {
    for (const leave of open) leave();
    return client.dispose();
  };
  // Without iterate, which would go round what is done here.
  return { ...client, subscribe, dispose, iterate: undefined } as unknown as Client;
};
