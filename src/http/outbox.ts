/**
 * Sends on one socket. Texts that viewers share go out as they are: a short frame of this socket's own
 * ({"id":…,"payload":), then a continuation frame whose bytes are one buffer for all sockets
 * (RFC 6455, 5.4; ws writes a server's buffers without a copy).
 */
import type { FormattedExecutionResult } from 'graphql';
import type { WebSocket } from 'ws';
import { socketOf } from './keepAlive.ts';

/**
 * A send resolves at once below this, so that the next result is made while this one leaves; above, it waits
 * until its bytes are with the kernel. With one message more it is what a socket can hold here.
 */
const HIGH_WATER_BYTES = 128 * 1024;
/** What one socket may send before others get their turn: a kernel that takes all at once never makes it wait. */
const TURN_BYTES = 512 * 1024;
/** A shorter text is copied behind its head: one frame costs less than two. */
const COPY_BYTES = 2048;
/** What stands for the payload while graphql-ws makes a message's text; it is the last member. */
const PLACE = '0}';

const WHOLE = { binary: false } as const;
const BEGINNING = { binary: false, fin: false } as const;

/** Texts of payloads, each with the brace that closes the message around it. */
export type ClosedTexts = readonly Buffer[];

export class Outbox {
  readonly #client: WebSocket;
  #texts: ClosedTexts | null = null;
  #sentInTurn = 0;
  #turnEnds = false;

  constructor(client: WebSocket) {
    this.#client = client;
  }

  /**
   * Takes texts in the place of a payload: a message for each. graphql-ws makes a message's JSON right
   * before it calls `send`, in one go, so what toJSON puts here belongs to the very next `send`.
   */
  handOver(texts: ClosedTexts): FormattedExecutionResult {
    const handedOver: unknown = {
      toJSON: () => {
        this.#texts = texts;
        return 0;
      },
    };
    return handedOver as FormattedExecutionResult;
  }

  /** In order; resolves when more may be sent, also where the socket is gone, whose end is told elsewhere. */
  readonly send = async (message: string): Promise<void> => {
    const texts = this.#texts;
    this.#texts = null;
    const client = this.#client;
    if (client.readyState !== client.OPEN) return;
    const { promise: written, resolve } = Promise.withResolvers<void>();
    if (texts === null) {
      client.send(message, () => resolve());
      this.#sentInTurn += message.length;
    } else {
      this.#sendTexts(Buffer.from(message.slice(0, -PLACE.length)), texts, resolve);
    }
    this.#endTurn();
    if (client.bufferedAmount >= HIGH_WATER_BYTES) await written;
    if (this.#sentInTurn > TURN_BYTES) await nextTurn();
  };

  #sendTexts(head: Buffer, texts: ClosedTexts, written: () => void): void {
    const client = this.#client;
    const socket = socketOf(client);
    socket?.cork();
    for (const [index, text] of texts.entries()) {
      const done = index === texts.length - 1 ? () => written() : undefined;
      this.#sentInTurn += head.length + text.length;
      if (text.length <= COPY_BYTES) {
        client.send(Buffer.concat([head, text]), WHOLE, done);
      } else {
        client.send(head, BEGINNING);
        client.send(text, WHOLE, done);
      }
    }
    socket?.uncork();
  }

  /** The turn is over when the loop has gone round once. */
  #endTurn(): void {
    if (this.#turnEnds) return;
    this.#turnEnds = true;
    setImmediate(() => {
      this.#sentInTurn = 0;
      this.#turnEnds = false;
    });
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
