/**
 * Sends on one socket. Texts that viewers share go out as they are: a short fragment of this socket's own
 * ({"id":…,"payload":), then one whose bytes are the same buffers for all sockets (frames.ts). They are written
 * to the socket itself: what ws would do for each frame of each viewer is done once.
 */
import type { Duplex } from 'node:stream';
import type { FormattedExecutionResult } from 'graphql';
import type { WebSocket } from 'ws';
import { firstFragment, lastFragmentHead, textFrames } from './frames.ts';
import { nextTurn, Turn } from './turn.ts';

/**
 * A send resolves at once while the kernel takes all; what waits here is bounded by this and one message more
 * (some 110 kB of 500 lines), and then a send waits until its bytes are with the kernel.
 */
const HIGH_WATER_BYTES = 64 * 1024;
/** A shorter text, and several together, are copied behind their heads: one write costs less than several. */
const COPY_BYTES = 8192;
/** What stands for the payload while graphql-ws makes a message's text; it is the last member. */
const PLACE = '0}';

/** Heads of operations that are kept ready; a socket has no more operations than LIMITS.operationsPerSocket. */
const MAX_HEADS = 100;

/** Texts of payloads, each with the brace that closes the message around it. */
export type ClosedTexts = readonly Buffer[];

export class Outbox {
  readonly #client: WebSocket;
  readonly #socket: Duplex;
  readonly #heads = new Map<string, Head>();
  readonly #turn = new Turn();
  #texts: ClosedTexts | null = null;

  /** `socket` is the one that `client` was made of, without compression. */
  constructor(client: WebSocket, socket: Duplex) {
    this.#client = client;
    this.#socket = socket;
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
    let sent = message.length;
    if (texts === null) client.send(message, () => resolve());
    else sent = this.#sendTexts(this.#headOf(message.slice(0, -PLACE.length)), texts, resolve);
    if (client.bufferedAmount >= HIGH_WATER_BYTES) await written;
    if (this.#turn.isOver(sent)) await nextTurn();
  };

  /** Answers the bytes. ws keeps nothing back, as there is no compression, so this may be written between its frames. */
  #sendTexts(head: Head, texts: ClosedTexts, written: () => void): number {
    const socket = this.#socket;
    const bytes = texts.reduce((sum, { length }) => sum + head.bytes.length + length, 0);
    const done = () => written();
    const [only] = texts;
    if (texts.length !== 1 || only === undefined || only.length <= COPY_BYTES) {
      socket.write(textFrames(head.bytes, texts), done);
      return bytes;
    }
    socket.cork();
    socket.write(head.fragment);
    socket.write(lastHeadOf(only));
    socket.write(only, done);
    socket.uncork();
    return bytes;
  }

  #headOf(text: string): Head {
    const known = this.#heads.get(text);
    if (known !== undefined) return known;
    const bytes = Buffer.from(text);
    const head = { bytes, fragment: firstFragment(bytes) };
    if (this.#heads.size >= MAX_HEADS) this.#heads.clear();
    this.#heads.set(text, head);
    return head;
  }
}

/** What stands before the payload in the messages of one operation. */
interface Head {
  readonly bytes: Buffer;
  readonly fragment: Buffer;
}

const lastHeads = new WeakMap<Buffer, Buffer>();

const lastHeadOf = (text: Buffer): Buffer => {
  const known = lastHeads.get(text);
  if (known !== undefined) return known;
  const head = lastFragmentHead(text.length);
  lastHeads.set(text, head);
  return head;
};
