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

const headOf = (first: number, length: number): Buffer => {
  const head = Buffer.alloc(length <= SHORT ? 2 : length <= MIDDLE ? 4 : 10);
  head[0] = first;
  head[1] = length <= SHORT ? length : length <= MIDDLE ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return head;
};

/** A whole message. */
export const textFrame = (...parts: readonly Buffer[]): Buffer =>
  Buffer.concat([
    headOf(
      FIN | TEXT,
      parts.reduce((sum, { length }) => sum + length, 0),
    ),
    ...parts,
  ]);

/** The beginning of a message, which a last fragment must follow at once: only control frames may come between. */
export const firstFragment = (bytes: Buffer): Buffer => Buffer.concat([headOf(TEXT, bytes.length), bytes]);

/** What is written before the bytes of a last fragment. */
export const lastFragmentHead = (length: number): Buffer => headOf(FIN | CONTINUATION, length);
