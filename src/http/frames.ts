/**
 * Frames of a server's text messages in two fragments (RFC 6455, 5.2 and 5.4): a short first one of a socket's
 * own, and a last one that is the same bytes for all sockets.
 */
const FIN = 0x80;
const CONTINUATION = 0;
const TEXT = 1;
/** A length up to here stands in the second byte itself, up to the next bound in two more, else in eight. */
const SHORT = 125;
const MIDDLE = 0xffff;

const headBytes = (length: number): number => (length <= SHORT ? 2 : length <= MIDDLE ? 4 : 10);

/** Answers where the payload begins. */
const writeHead = (into: Buffer, at: number, first: number, length: number): number => {
  into[at] = first;
  into[at + 1] = length <= SHORT ? length : length <= MIDDLE ? 126 : 127;
  const bytes = headBytes(length);
  if (bytes === 4) into.writeUInt16BE(length, at + 2);
  if (bytes === 10) into.writeBigUInt64BE(BigInt(length), at + 2);
  return at + bytes;
};

const headOf = (first: number, length: number): Buffer => {
  const head = Buffer.alloc(headBytes(length));
  writeHead(head, 0, first, length);
  return head;
};

/** Whole messages, each of the same head and a text of its own, in one piece of memory. */
export const textFrames = (head: Buffer, texts: readonly Buffer[]): Buffer => {
  const frames = Buffer.allocUnsafe(
    texts.reduce((sum, { length }) => sum + headBytes(head.length + length) + head.length + length, 0),
  );
  let at = 0;
  for (const text of texts) {
    at = writeHead(frames, at, FIN | TEXT, head.length + text.length);
    at += head.copy(frames, at);
    at += text.copy(frames, at);
  }
  return frames;
};

/** The beginning of a message, which a last fragment must follow at once: only control frames may come between. */
export const firstFragment = (bytes: Buffer): Buffer => Buffer.concat([headOf(TEXT, bytes.length), bytes]);

/** What is written before the bytes of a last fragment. */
export const lastFragmentHead = (length: number): Buffer => headOf(FIN | CONTINUATION, length);
