/** A careful client: it resumes after its last event, on any service, and audits what it receives. */
import { setTimeout as delay } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import type { Random } from '../random.ts';
import { LogAudit, type SeenEvent } from './audit.ts';

const QUERY = `subscription ($runId: ID!, $after: Int) {
  log: runLogBatches(runId: $runId, after: $after) { lastSeq caughtUp events { __typename seq
    ... on LogLine { stream message }
    ... on LinesDropped { fromSeq count reason }
    ... on RunFinished { finalStatus: status failure { reason } lines dropped digest } } } }`;

interface Batch {
  readonly log: { readonly lastSeq: number; readonly caughtUp: boolean; readonly events: readonly SeenEvent[] };
}

export interface ViewerOptions {
  readonly runId: string;
  /** Services that it may use now; tried in turn. */
  readonly urls: () => readonly string[];
  readonly random: Random;
  /** It closes its own socket after a time between these two, milliseconds. */
  readonly restless?: readonly [number, number];
  /** See LogAudit. */
  readonly light?: boolean;
}

export class Viewer {
  readonly audit: LogAudit;
  /** Resolves at the end: RunFinished and complete, or refused. */
  readonly ended: Promise<void>;
  /** Codes of the refusal that ended it. */
  refused: string | null = null;
  /** `complete` without RunFinished. */
  falseEnds = 0;
  connections = 0;
  /** Close codes of its sockets, and how often each came. */
  readonly closes = new Map<number, number>();
  /** When it last got an event, by performance.now(). */
  heardAt = performance.now();
  /** When it got its first line; null before. */
  firstAt: number | null = null;
  caughtUp = false;
  done = false;
  readonly #options: ViewerOptions;
  readonly #stop = new AbortController();
  #cut: (() => void) | null = null;

  constructor(options: ViewerOptions) {
    this.#options = options;
    this.audit = new LogAudit(options.light === undefined ? {} : { light: options.light });
    this.ended = this.#follow().finally(() => {
      this.done = true;
    });
  }

  stop(): void {
    this.#stop.abort();
    this.#cut?.();
  }

  /** Closes its socket without a close frame, as a lost network does. It then reconnects. */
  cut(): void {
    this.#cut?.();
  }

  async #follow(): Promise<void> {
    const { urls, random } = this.#options;
    for (let turn = 0; !this.#stop.signal.aborted; turn += 1) {
      const all = urls();
      const url = all[turn % all.length];
      if (url !== undefined && (await this.#subscribe(url))) return;
      await delay(random.between(10, 150), undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  /** True if nothing more will come. */
  async #subscribe(url: string): Promise<boolean> {
    const { runId, random, restless } = this.#options;
    const { promise, resolve: settle } = Promise.withResolvers<boolean>();
    let settled = false;
    const resolve = (over: boolean): void => {
      settled = true;
      settle(over);
    };
    let socket: WebSocket | null = null;
    this.connections += 1;
    const client = createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      on: {
        opened: (opened) => {
          socket = opened as WebSocket;
        },
        closed: (event) => {
          const { code } = event as { code: number };
          this.closes.set(code, (this.closes.get(code) ?? 0) + 1);
          resolve(false);
        },
      },
    });
    this.#cut = () => {
      socket?.terminate();
      resolve(false);
    };
    const timer = restless === undefined ? undefined : setTimeout(() => this.#cut?.(), random.between(...restless));
    client.subscribe<Batch>(
      { query: QUERY, variables: { runId, after: this.audit.last } },
      {
        next: ({ data, errors }) => {
          if (errors !== undefined) this.refused = JSON.stringify(errors);
          if (!data) return;
          this.heardAt = performance.now();
          this.caughtUp ||= data.log.caughtUp;
          for (const event of data.log.events) this.audit.take(event);
          if (this.audit.lines > 0) this.firstAt ??= this.heardAt;
        },
        error: (error) => resolve(this.#isOver(error)),
        complete: () => {
          // Disposing the client also completes what is open.
          if (settled) return;
          if (this.audit.finished !== null) return resolve(true);
          // graphql-ws also completes when a socket closes with 1000, which our server never sends.
          this.falseEnds += 1;
          resolve(false);
        },
      },
    );
    const over = await promise;
    clearTimeout(timer);
    this.#cut = null;
    // It rejects if the socket was never open.
    await Promise.resolve(client.dispose()).catch(() => undefined);
    return over;
  }

  #isOver(error: unknown): boolean {
    if (!Array.isArray(error)) return false;
    const codes = error.map((one) => String(one?.extensions?.code ?? one?.message));
    if (codes.every((code) => code === 'UNAVAILABLE')) return false;
    this.refused = codes.join(',');
    return true;
  }
}
