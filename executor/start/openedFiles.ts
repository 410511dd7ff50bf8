/** Files that were opened for the executor before it left the container's root directory (src/wire/executorRoot.ts). */
import { fstatSync, readSync } from 'node:fs';
import { INHERITED } from '../../src/wire/executorRoot.ts';

type Name = keyof typeof INHERITED;

/** An image's /etc/passwd or the engine's /etc/hosts; what is behind that is not read. */
const MOST_BYTES = 1024 * 1024;
/** The kernel gives an environment or a counter in pieces of a page at most, and does not tell their sum. */
const PIECE_BYTES = 64 * 1024;

/**
 * A file of the image or the engine, MOST_BYTES at most; '' where it is not there, or no plain file with a size: a
 * device, a FIFO or a file of the kernel would have no end.
 */
export const readImageFile = (name: Name): string => {
  const { fd } = INHERITED[name];
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size === 0) return '';
    const buffer = Buffer.allocUnsafe(Math.min(stat.size, MOST_BYTES));
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0));
  } catch {
    return '';
  }
};

/** A file of the kernel's, as it is now; '' where it is not there. */
export const readKernelFile = (name: Name): string => {
  const { fd } = INHERITED[name];
  try {
    if (!fstatSync(fd).isFile()) return '';
    const pieces: Buffer[] = [];
    for (let at = 0; ; ) {
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      const length = readSync(fd, piece, 0, PIECE_BYTES, at);
      if (length === 0) return Buffer.concat(pieces).toString();
      pieces.push(piece.subarray(0, length));
      at += length;
    }
  } catch {
    return '';
  }
};
