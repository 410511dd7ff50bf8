/** A client of Subscription.logs that keeps its positions, and can be cut and resume. */
import { createHash } from 'node:crypto';
import { RawSocket } from './http.ts';

export const LOGS = `subscription ($filter: RunFilter!, $log: LogFilter, $tail: Int, $positions: [LogPosition!], $since: DateTime) {
  logs(filter: $filter, log: $log, tail: $tail, positions: $positions, since: $since) {
    change
    run { id name status }
    batch { runId lastSeq events { __typename seq ... on LinesDropped { fromSeq } ... on LogLine { message } } }
  } }`;

interface Seen {
  readonly __typename: string;
  readonly seq: number;
  readonly fromSeq?: number;
  readonly message?: string;
}
export interface Followed {
  readonly change: string | null;
  readonly run: { readonly id: string; readonly name: string; readonly status: string };
  readonly batch: { readonly runId: string; readonly lastSeq: number; readonly events: readonly Seen[] } | null;
}

/** Digest as in RunFinished. */
export const sha256 = (lines: readonly string[]): string =>
  createHash('sha256')
    .update(lines.map((text) => `${text}\n`).join(''))
    .digest('hex');

export class Follower implements AsyncDisposable {
  readonly events = new Map<string, Seen[]>();
  readonly positions = new Map<string, number>();
  /** Such as `JOINED name`, in order. */
  readonly changes: string[] = [];
  /** Events whose seq did not follow. */
  readonly broken: string[] = [];
  readonly #url: string;
  readonly #variables: Record<string, unknown>;
  readonly #since = new Date(Date.now()).toISOString();
  socket: RawSocket | null = null;
  error: unknown = null;

  constructor(url: string, variables: Record<string, unknown>) {
    this.#url = url;
    this.#variables = variables;
  }

  async connect(): Promise<this> {
    const socket = await new RawSocket(this.#url).opened();
    this.socket = socket;
    socket.socket.on('message', (bytes) => {
      const { type, payload } = JSON.parse(String(bytes));
      if (this.socket !== socket) return;
      if (type === 'error') this.error = payload;
      if (type === 'next') this.#take(payload.data.logs);
    });
    socket.send({ type: 'connection_init' });
    await socket.until(({ type }) => type === 'connection_ack');
    const positions = [...this.positions].map(([runId, after]) => ({ runId, after }));
    const resumption = this.positions.size > 0 ? { positions } : {};
    socket.subscribe('1', LOGS, { since: this.#since, ...resumption, ...this.#variables });
    return this;
  }

  /** Breaks the connection. What was on its way is lost. */
  async cut(): Promise<void> {
    const { socket } = this;
    this.socket = null;
    await socket?.[Symbol.asyncDispose]();
  }

  lines(run: string): string[] {
    return (this.events.get(run) ?? []).flatMap(({ message }) => (message === undefined ? [] : [message]));
  }
  hasEnd(run: string): boolean {
    return this.events.get(run)?.at(-1)?.__typename === 'RunFinished';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
  }

  #take({ change, run, batch }: Followed): void {
    if (change !== null) this.changes.push(`${change} ${run.name}`);
    if (batch === null) return;
    const events = this.events.get(run.id) ?? [];
    this.events.set(run.id, events);
    for (const event of batch.events) {
      const before = events.at(-1)?.seq;
      if (before !== undefined && (event.fromSeq ?? event.seq) !== before + 1) {
        this.broken.push(`${run.name}: ${event.seq} after ${before}`);
      }
      events.push(event);
    }
    this.positions.set(run.id, batch.lastSeq);
  }
}
