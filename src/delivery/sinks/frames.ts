/**
 * Frames of a server's text messages (RFC 6455, 5.2). Each has a head, which is one viewer's own, and a text, which all
 * viewers share: the frames are in one piece of memory for all of them, and each viewer writes its heads into it.
 */
import { PREFIX_BYTES, type SharedTexts } from '../messageLayout.ts';

const FIN = 0x80;
const CONTINUATION = 0;
const TEXT = 1;
/** A length up to SHORT is in the second byte itself, one up to MIDDLE in two bytes more, a longer one in eight. */
const SHORT = 125;
const MIDDLE = 0xffff;
const LONGEST_HEADER = 10;

const headerBytes = (length: number): number => (length <= SHORT ? 2 : length <= MIDDLE ? 4 : LONGEST_HEADER);

/** Returns where the payload begins. */
const writeHeader = (into: Buffer, at: number, first: number, length: number): number => {
  into[at] = first;
  into[at + 1] = length <= SHORT ? length : length <= MIDDLE ? 126 : 127;
  const bytes = headerBytes(length);
  if (bytes === 4) into.writeUInt16BE(length, at + 2);
  if (bytes === LONGEST_HEADER) into.writeBigUInt64BE(BigInt(length), at + 2);
  return at + bytes;
};

const headerOf = (first: number, length: number): Buffer => {
  const header = Buffer.alloc(headerBytes(length));
  writeHeader(header, 0, first, length);
  return header;
};

/** Whole messages in memory that viewers share. */
export interface SharedFrames {
  /** A socket still sends from the memory: do not write into it. */
  lent: boolean;
  /** Whether heads of this length fit. */
  fits(headLength: number): boolean;
  /** The messages with this head; valid until the next call. */
  headed(head: Buffer): Buffer;
}

/** One text behind its reserved prefix. */
class PrefixedFrame implements SharedFrames {
  lent = false;
  readonly #memory: Buffer;

  constructor(memory: Buffer) {
    this.#memory = memory;
  }

  fits(headLength: number): boolean {
    return fitsPrefix(headLength);
  }

  headed(head: Buffer): Buffer {
    const length = head.length + this.#memory.length - PREFIX_BYTES;
    const from = PREFIX_BYTES - head.length - headerBytes(length);
    head.copy(this.#memory, writeHeader(this.#memory, from, FIN | TEXT, length));
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
      at = writeHeader(this.#memory, at, FIN | TEXT, headLength + text.length);
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
  texts.reduce((sum, { length }) => sum + headerBytes(headLength + length) + headLength + length, 0);

const fitsPrefix = (headLength: number): boolean => headLength + LONGEST_HEADER <= PREFIX_BYTES;

/** Garbage-collected with the texts. */
const known = new WeakMap<SharedTexts, SharedFrames>();

/**
 * Null if heads of this length have no shared memory: those too long for the prefix, or, with several texts, those of
 * another length than the first viewer's. (Clients of one kind have ids of one length; with memory for each length, a
 * client would choose how much there is.)
 */
export const sharedFrames = (shared: SharedTexts, headLength: number): SharedFrames | null => {
  const held = known.get(shared);
  if (held !== undefined) return held.fits(headLength) ? held : null;
  if (!fitsPrefix(headLength)) return null;
  const { texts, memory } = shared;
  const frames = memory === null ? new LaidOutFrames(headLength, texts) : new PrefixedFrame(memory);
  known.set(shared, frames);
  return frames;
};

/** The same messages in memory of their own. */
export const ownFrames = (head: Buffer, texts: readonly Buffer[]): Buffer =>
  new LaidOutFrames(head.length, texts).headed(head);

/** One message in two fragments (RFC 6455, 5.4). The second is the same bytes for all viewers: the text is not copied. */
export const fragments = (head: Buffer, text: Buffer): readonly [first: Buffer, lastHeader: Buffer, text: Buffer] => [
  Buffer.concat([headerOf(TEXT, head.length), head]),
  headerOf(FIN | CONTINUATION, text.length),
  text,
];
