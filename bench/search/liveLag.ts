import { type Client, createClient } from 'graphql-ws';
import WebSocket from 'ws';

const DOCUMENT = `subscription ($id: ID!) { runLogBatches(runId: $id, tail: 0) { events { ... on LogLine { message } } } }`;

/** Viewers of a run whose lines are instants in nanoseconds: how late each line comes. */
export class LiveLag {
  readonly #clients: Client[];
  readonly #seen = new Set<Client>();
  #lags: number[] = [];

  constructor(url: string, id: string, viewers: number) {
    this.#clients = Array.from({ length: viewers }, () =>
      createClient({ url: `${url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket, retryAttempts: 0 }),
    );
    for (const client of this.#clients) void this.#follow(client, id).catch(() => undefined);
  }

  async #follow(client: Client, id: string): Promise<void> {
    type Result = { readonly runLogBatches: { readonly events: readonly { readonly message?: string }[] } };
    for await (const { data } of client.iterate<Result>({ query: DOCUMENT, variables: { id } })) {
      this.#seen.add(client);
      const now = performance.timeOrigin + performance.now();
      for (const { message } of data?.runLogBatches.events ?? []) {
        if (message !== undefined) this.#lags.push(now - Number(message) / 1e6);
      }
    }
  }

  /** Resolves when every viewer follows. */
  async caughtUp(): Promise<void> {
    while (this.#seen.size < this.#clients.length) await new Promise((resolve) => setTimeout(resolve, 100));
  }

  /** p50 and p99 in that time. */
  async measure(ms: number): Promise<string> {
    this.#lags = [];
    await new Promise((resolve) => setTimeout(resolve, ms));
    const sorted = this.#lags.toSorted((a, b) => a - b);
    const at = (part: number): string => sorted[Math.floor(sorted.length * part)]?.toFixed(1) ?? '-';
    return `${at(0.5)} and ${at(0.99)}`;
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.dispose()));
  }
}
