/**
 * Viewers share the memory that their messages are sent from. At any pace and with any operation id, each viewer gets
 * its own messages, complete.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openHttp, RawSocket, type TestApi } from '../../support/clients/http.ts';
import { createRun, finished, PlainWriter } from '../../support/log.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

const QUERIES = {
  runLogs: 'subscription ($id: ID!) { runLogs(runId: $id) { seq ... on LogLine { message } } }',
  runLogBatches: 'subscription ($id: ID!) { runLogBatches(runId: $id) { events { seq ... on LogLine { message } } } }',
} as const;
type Field = keyof typeof QUERIES;

/** More data for each viewer than a kernel holds for a socket that is not read (4 MB and a little in this process). */
const BATCHES = 60;
const BATCH = 500;
const TEXT = 'ü'.repeat(150);
const LAST = 1 + BATCHES * BATCH + 1;

interface ShownEvent {
  readonly seq: number;
  readonly message?: string;
}

const eventsOf = (payload: unknown): readonly ShownEvent[] => {
  const { data } = payload as { data: { runLogs?: ShownEvent; runLogBatches?: { events: readonly ShownEvent[] } } };
  return data.runLogs ? [data.runLogs] : (data.runLogBatches?.events ?? []);
};

/** Checks the events of each operation id as they come: keeping all of them would take some GB. */
class Follower {
  readonly socket: RawSocket;
  readonly #last = new Map<string, number>();
  #wake: () => void = () => undefined;
  fault: string | null = null;

  constructor(socket: RawSocket) {
    this.socket = socket;
    socket.socket.removeAllListeners('message');
    socket.socket.on('message', (bytes) => this.#take(JSON.parse(String(bytes))));
    void socket.closed.then(({ code }) => {
      if (this.#last.size > 0) this.fault ??= `the socket was closed with ${code}`;
      this.#wake();
    });
  }

  subscribe(id: string, field: Field, runId: string): void {
    this.#last.set(id, 0);
    this.socket.subscribe(id, QUERIES[field], { id: runId });
  }

  /** Resolves when all its operations have completed. */
  async done(): Promise<void> {
    while (this.#last.size > 0 && this.fault === null) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #take({ id = '', type, payload }: RawSocket['messages'][number]): void {
    const last = this.#last.get(id);
    if (last === undefined) this.fault ??= `a message for ${id}`;
    else if (type === 'complete') {
      if (last !== LAST) this.fault ??= `${id} completed at ${last}`;
      this.#last.delete(id);
    } else if (type !== 'next') this.fault ??= `${id}: ${type}`;
    else for (const event of eventsOf(payload)) this.#event(id, event);
    this.#wake();
  }

  #event(id: string, { seq, message }: ShownEvent): void {
    const last = this.#last.get(id) ?? 0;
    if (seq !== last + 1) this.fault ??= `${id}: ${seq} after ${last}`;
    if (message !== undefined && message !== `${TEXT} ${seq}`) this.fault ??= `${id}: ${message} as ${seq}`;
    this.#last.set(id, seq);
  }
}

test.each([['runLogBatches'], ['runLogs']] as const)(
  'viewers of %s with ids of all lengths, fast, slow and stalled, get their own messages, complete',
  async (field) => {
    const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
    const ids = [
      '1',
      'a'.repeat(36),
      'b'.repeat(36),
      'c'.repeat(85),
      'd'.repeat(86),
      'e'.repeat(127),
      'ü'.repeat(127),
      '{"',
      'ü'.repeat(20),
    ];
    await using stack = new AsyncDisposableStack();
    const open = async (): Promise<Follower> => new Follower(stack.use(await new RawSocket(api.url).ready()));
    let writing = true;
    const paces: Promise<void>[] = [];
    const followers: Follower[] = [];
    for (const [i, id] of ids.entries()) {
      for (const pace of ['fast', 'slow', 'stalled'] as const) {
        const follower = await open();
        followers.push(follower);
        follower.subscribe(id, field, writer.runId);
        // A second operation, whose messages come in between.
        if (i % 3 === 0) follower.subscribe(`${id}+`, 'runLogBatches', writer.runId);
        const { socket } = follower.socket;
        if (pace === 'stalled') socket.pause();
        if (pace === 'slow') {
          paces.push(
            (async () => {
              for (let round = i; writing; round += 1) {
                if (round % 7 === 0) socket.pause();
                if (round % 7 === 4) socket.resume();
                await turn();
              }
            })(),
          );
        }
      }
    }
    for (let batch = 0; batch < BATCHES; batch += 1) {
      const reply = await writer.lines(BATCH, TEXT);
      expect(reply.code).toBe('OK');
    }
    await writer.append([finished()]);
    writing = false;
    await Promise.all(paces);
    for (const { socket } of followers) socket.socket.resume();
    await Promise.all(followers.map((follower) => follower.done()));
    expect(followers.map(({ fault }) => fault).filter((fault) => fault !== null)).toEqual([]);
  },
);
