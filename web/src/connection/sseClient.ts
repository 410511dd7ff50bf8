/**
 * One subscription over SSE, with the interface of a graphql-ws client, so that `resumable` resumes it as it resumes a
 * WebSocket. Make one for each subscription: each has a connection of its own.
 */
import type { Client, SubscribePayload } from 'graphql-ws';
import { refusalOf } from './refusal.ts';

export interface SseOptions {
  readonly url: string;
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
}
interface Sink {
  next(result: unknown): void;
  error(error: unknown): void;
  complete(): void;
}
type Listener = (event: unknown) => void;

/** The stream ended before its `complete`. The code is that of a WebSocket which was cut. */
class Lost {
  readonly code: number;
  readonly reason: string;
  constructor(reason: string, code = 1006) {
    this.code = code;
    this.reason = reason;
  }
}

/** The service sends something every 12 s. A connection that is silent for longer than this is dead, ms. */
const SILENT_MS = 30_000;

interface ServerEvent {
  readonly name: string;
  readonly data: string;
}

const parse = (block: string): ServerEvent => {
  let name = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    if (line.startsWith('event:')) name = line.slice(6).trim();
    else if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
  }
  return { name, data: data.join('\n') };
};

async function* eventsOf(body: ReadableStream<Uint8Array>, heard: () => void): AsyncGenerator<ServerEvent> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = '';
  for (;;) {
    heard();
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = `${rest}${value}`.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) yield parse(block);
  }
}

export const sseClient = ({ url, headers }: SseOptions): Client => {
  const listeners = new Map<string, Set<Listener>>();
  /** Of the current try. */
  let connection = new AbortController();
  const emit = (name: string, event: unknown): void => {
    for (const listener of listeners.get(name) ?? []) listener(event);
  };
  const open = async (payload: SubscribePayload, signal: AbortSignal): Promise<Response> => {
    emit('opened', null);
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...(await headers()), accept: 'text/event-stream', 'content-type': 'application/json' },
      body: JSON.stringify(payload),
      signal,
    }).catch(() => {
      throw new Lost('Could not connect.');
    });
    if (response.status === 401) throw new Lost('The service wants a valid token.', await refusalOf(response));
    if (response.headers.get('content-type')?.startsWith('text/event-stream')) return response;
    const { errors } = (await response.json().catch(() => ({}))) as { readonly errors?: readonly unknown[] };
    throw errors ?? new Lost(`The service answered with ${response.status}.`);
  };
  /** Resolves after `complete`. @throws Lost, or the errors of the server */
  const read = async (payload: SubscribePayload, sink: Sink, signal: AbortSignal): Promise<void> => {
    const { body } = await open(payload, signal);
    emit('connected', null);
    if (body === null) throw new Lost('The response is empty.');
    let timer: ReturnType<typeof setTimeout> | undefined;
    const heard = (): void => {
      clearTimeout(timer);
      timer = setTimeout(terminate, SILENT_MS);
    };
    signal.addEventListener('abort', () => clearTimeout(timer));
    for await (const { name, data } of eventsOf(body, heard)) {
      if (name === 'complete') return;
      if (name !== 'next') continue;
      const result = JSON.parse(data) as { readonly data?: unknown; readonly errors?: unknown };
      if (result.errors !== undefined && (result.data ?? null) === null) throw result.errors;
      sink.next(result);
    }
    throw new Lost('The connection was lost.');
  };
  const terminate = (): void => connection.abort(new Lost('The connection was given up.'));
  const subscribe = (payload: SubscribePayload, sink: Sink): (() => void) => {
    const mine = new AbortController();
    connection = mine;
    let left = false;
    void read(payload, sink, mine.signal)
      .then(
        () => sink.complete(),
        (error: unknown) => {
          if (left) return;
          const ending = Array.isArray(error) || error instanceof Lost ? error : new Lost('The connection was lost.');
          emit('closed', ending instanceof Lost ? ending : new Lost('Refused.', 1000));
          sink.error(ending);
        },
      )
      // Stops the timer of `read`.
      .finally(() => mine.abort());
    return () => {
      left = true;
      mine.abort();
      sink.complete();
    };
  };
  const on = (name: string, listener: Listener): (() => void) => {
    const those = listeners.get(name) ?? new Set();
    listeners.set(name, those.add(listener));
    return () => those.delete(listener);
  };
  // `resumable` uses these members alone.
  return { on, subscribe, terminate, dispose: () => undefined } as unknown as Client;
};
