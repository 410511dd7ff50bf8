/**
 * Frames of a server's text messages (RFC 6455, 5.2), each of a head, which is a viewer's own, and a text, which is
 * the same for all: they stand in one piece of memory for all viewers, into which each writes its heads.
 */
import { HEAD_ROOM, type SharedTexts } from '../sharedTexts.ts';

const FIN = 0x80;
const CONTINUATION = 0;
const TEXT = 1;
/** A length up to here stands in the second byte itself, up to the next bound in two more, else in eight. */
const SHORT = 125;
const MIDDLE = 0xffff;

const frameHeadBytes = (length: number): number => (length <= SHORT ? 2 : length <= MIDDLE ? 4 : 10);

/** Answers where the payload begins. */
const writeFrameHead = (into: Buffer, at: number, first: number, length: number): number => {
  into[at] = first;
  into[at + 1] = length <= SHORT ? length : length <= MIDDLE ? 126 : 127;
  const bytes = frameHeadBytes(length);
  if (bytes === 4) into.writeUInt16BE(length, at + 2);
  if (bytes === 10) into.writeBigUInt64BE(BigInt(length), at + 2);
  return at + bytes;
};

const frameHeadOf = (first: number, length: number): Buffer => {
  const head = Buffer.alloc(frameHeadBytes(length));
  writeFrameHead(head, 0, first, length);
  return head;
};

/** Whole messages in memory that viewers share. */
export interface SharedFrames {
  /** Whether a socket still has to send from the memory, so that nobody may write into it. */
  lent: boolean;
  /** Whether it has room for heads of this length. */
  fits(headLength: number): boolean;
  /** With this head in each of them; valid until the next call. */
  headed(head: Buffer): Buffer;
}

/** One text, with the room for heads that is before it. */
class RoomyFrame implements SharedFrames {
  lent = false;
  readonly #memory: Buffer;

  constructor(memory: Buffer) {
    this.#memory = memory;
  }

  fits(headLength: number): boolean {
    return fitsRoom(headLength);
  }

  headed(head: Buffer): Buffer {
    const length = head.length + this.#memory.length - HEAD_ROOM;
    const from = HEAD_ROOM - head.length - frameHeadBytes(length);
    head.copy(this.#memory, writeFrameHead(this.#memory, from, FIN | TEXT, length));
    return this.#memory.subarray(from);
  }
}

/** Several texts behind heads of one length. */
class LaidOutFrames implements SharedFrames {
  lent = false;
  readonly #memory: Buffer;
  readonly #headLength: number;
  readonly #heads: readonly number[];

  constructor(headLength: number, texts: readonly Buffer[]) {
    this.#headLength = headLength;
    const heads: number[] = [];
    let at = 0;
    this.#memory = Buffer.allocUnsafe(framesBytes(headLength, texts));
    for (const text of texts) {
      at = writeFrameHead(this.#memory, at, FIN | TEXT, headLength + text.length);
      heads.push(at);
      at += headLength;
      at += text.copy(this.#memory, at);
    }
    this.#heads = heads;
  }

  fits(headLength: number): boolean {
    return headLength === this.#headLength;
  }

  headed(head: Buffer): Buffer {
    for (const at of this.#heads) head.copy(this.#memory, at);
    return this.#memory;
  }
}

const framesBytes = (headLength: number, texts: readonly Buffer[]): number =>
  texts.reduce((sum, { length }) => sum + frameHeadBytes(headLength + length) + headLength + length, 0);

const LONGEST_FRAME_HEAD = 10;
const fitsRoom = (headLength: number): boolean => headLength + LONGEST_FRAME_HEAD <= HEAD_ROOM;

/** Dies with the texts. */
const known = new WeakMap<SharedTexts, SharedFrames>();

/**
 * Null where heads of this length have no shared memory: a long one; or, of several texts, any but those of the first
 * who asked. (Clients of one kind have ids of one length; memory for each length would be a client's to choose.)
 */
export const sharedFrames = (shared: SharedTexts, headLength: number): SharedFrames | null => {
  const held = known.get(shared);
  if (held !== undefined) return held.fits(headLength) ? held : null;
  if (!fitsRoom(headLength)) return null;
  const { texts, memory } = shared;
  const frames = memory === null ? new LaidOutFrames(headLength, texts) : new RoomyFrame(memory);
  known.set(shared, frames);
  return frames;
};

/** The same messages in memory of their own. */
export const ownFrames = (head: Buffer, texts: readonly Buffer[]): Buffer =>
  new LaidOutFrames(head.length, texts).headed(head);

/** A message in two fragments (RFC 6455, 5.4), of which the second one is the same bytes for all: the text is not copied. */
export const fragments = (head: Buffer, text: Buffer): readonly [first: Buffer, lastHead: Buffer, text: Buffer] => [
  Buffer.concat([frameHeadOf(TEXT, head.length), head]),
  frameHeadOf(FIN | CONTINUATION, text.length),
  text,
];
