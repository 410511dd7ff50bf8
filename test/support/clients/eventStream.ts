/** A reader of server-sent events on a raw socket: it sees the raw bytes, and can behave badly. */
import { connect, type Socket } from 'node:net';
import { type Answer, postOperation } from './http.ts';

export interface EventRequest {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly method?: 'GET' | 'POST';
  /** Further lines of the request head. */
  readonly headers?: readonly string[];
  readonly version?: '1.0' | '1.1';
}

/** The bytes of a request for a subscription. */
export const eventRequest = ({ query, variables = {}, method, headers = [], version }: EventRequest): string => {
  const get = method === 'GET';
  const parameters = `query=${encodeURIComponent(query)}&variables=${encodeURIComponent(JSON.stringify(variables))}`;
  const body = get ? '' : JSON.stringify({ query, variables });
  return [
    `${get ? 'GET' : 'POST'} /graphql${get ? `?${parameters}` : ''} HTTP/${version ?? '1.1'}`,
    'Host: localhost',
    'Accept: text/event-stream',
    ...(get ? [] : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`]),
    ...headers,
    '',
    body,
  ].join('\r\n');
};

export class EventReader implements AsyncDisposable {
  readonly socket: Socket;
  /** Status line and headers. */
  head = '';
  /** Events in order: `next` with the value of its data line, `complete` with null. */
  readonly events: { readonly event: string; readonly data: unknown }[] = [];
  /** The id of each event, in the same order; null if it has none. */
  readonly ids: (string | null)[] = [];
  /** Comment lines. */
  comments = 0;
  /** The first thing that was not valid HTTP or not a valid event. */
  fault: Error | null = null;
  /** How the answer ended: with its last chunk, or with the connection. */
  readonly ended: Promise<'whole' | 'cut'>;
  #bytes: Buffer = Buffer.alloc(0);
  #text = '';
  #end: (how: 'whole' | 'cut') => void = () => undefined;
  #wake: () => void = () => undefined;

  constructor(port: number, ...requests: readonly EventRequest[]) {
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.socket = connect(port, '127.0.0.1', () => this.socket.write(requests.map(eventRequest).join('')));
    this.socket.on('data', (bytes) => {
      try {
        this.#read(bytes);
      } catch (error) {
        this.socket.destroy(error as Error);
      }
    });
    this.socket.on('error', (error) => {
      if (!('code' in error)) this.fault = error;
    });
    this.socket.on('close', () => {
      this.#end('cut');
      this.#wake();
    });
  }

  /** Sends another request on the same connection, after a complete answer. */
  ask(request: EventRequest): void {
    this.head = '';
    this.socket.write(eventRequest(request));
  }

  /** Resolves when the condition holds or the connection ends. @throws fault */
  async until(holds: (reader: this) => boolean): Promise<void> {
    while (!holds(this) && !this.socket.destroyed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.fault !== null) throw this.fault;
  }

  #read(bytes: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
    if (this.head === '') {
      const end = this.#bytes.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.head = this.#bytes.toString('latin1', 0, end);
      this.#bytes = this.#bytes.subarray(end + 4);
    }
    if (/^transfer-encoding: chunked$/im.test(this.head)) this.#readChunks();
    else this.#take(this.#bytes.length, 0);
    this.#wake();
  }

  #readChunks(): void {
    for (;;) {
      const line = this.#bytes.indexOf('\r\n');
      if (line < 0) return;
      const length = this.#bytes.toString('latin1', 0, line);
      if (!/^[0-9a-f]+$/i.test(length)) throw new Error(`not a chunk length: ${length}`);
      const size = Number.parseInt(length, 16);
      if (this.#bytes.length < line + 2 + size + 2) return;
      this.#bytes = this.#bytes.subarray(line + 2);
      this.#take(size, 2);
      if (size === 0) this.#end('whole');
    }
  }

  /** A chunk can end anywhere. Characters stay whole because the text is split only at line ends. */
  #take(size: number, more: number): void {
    this.#text += this.#bytes.toString('latin1', 0, size);
    this.#bytes = this.#bytes.subarray(size + more);
    const blocks = this.#text.split('\n\n');
    this.#text = blocks.pop() ?? '';
    for (const block of blocks) this.#block(Buffer.from(block, 'latin1').toString());
  }

  #block(block: string): void {
    if (block === ':') {
      this.comments += 1;
      return;
    }
    const [, id, event, data] =
      /^(?:id: ([^\n]+)\n)?event: (next|complete)\ndata:(?: (\{[^\r\n]*\}))?$/.exec(block) ?? [];
    if (event === undefined) throw new Error(`not an event: ${block.slice(0, 200)}`);
    this.ids.push(id ?? null);
    this.events.push({ event, data: data === undefined ? null : JSON.parse(data) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.ended;
  }
}

/**
 * POSTs an operation that asks for an event stream, and returns its first result, or the answer in JSON that came
 * instead. Then it leaves. @throws Error if the answer has no result
 */
export const firstResult = async (
  url: string,
  query: string,
  variables: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> => {
  const response = await postOperation(url, query, variables, { accept: 'text/event-stream', ...headers });
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    const result = /^(?:data: )?(\{.*\})$/m.exec(text)?.[1];
    if (result === undefined) continue;
    return { status: response.status, headers: response.headers, ...(JSON.parse(result) as object) };
  }
  throw new Error(`no result: ${text}`);
};

interface Logs {
  readonly runLogs?: { readonly seq: number };
  readonly runLogBatches?: { readonly events: readonly { readonly seq: number }[] };
}

/** The seqs of all events that the reader of a log received. */
export const seqsOf = ({ events }: EventReader): readonly number[] =>
  events.flatMap(({ data }) => {
    const logs = (data as { readonly data?: Logs } | null)?.data;
    return [...(logs?.runLogs ? [logs.runLogs] : []), ...(logs?.runLogBatches?.events ?? [])].map(({ seq }) => seq);
  });
