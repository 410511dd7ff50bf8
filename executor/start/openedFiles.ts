/**
 * Reads the files that were opened before the executor left the container's root directory (src/wire/executorRoot.ts).
 */
import { fstatSync, readSync } from 'node:fs';
import { INHERITED } from '../../src/wire/executorRoot.ts';

type Name = keyof typeof INHERITED;

/** The most that is read of a file of the image or the engine. */
const MAX_BYTES = 1024 * 1024;
/** Files of the kernel have no size, and one read returns at most a page of some of them. */
const READ_BYTES = 64 * 1024;

/**
 * A file of the image or the engine, at most 1 MiB of it. '' if it is missing, or is not a regular file with a size:
 * reading a device or a FIFO would not end.
 */
export const readImageFile = (name: Name): string => {
  const { fd } = INHERITED[name];
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size === 0) return '';
    const buffer = Buffer.allocUnsafe(Math.min(stat.size, MAX_BYTES));
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0));
  } catch {
    return '';
  }
};

/** The present content of a file of the kernel. '' if it is missing. */
export const readKernelFile = (name: Name): string => {
  const { fd } = INHERITED[name];
  try {
    if (!fstatSync(fd).isFile()) return '';
    const parts: Buffer[] = [];
    for (let at = 0; ; ) {
      const part = Buffer.allocUnsafe(READ_BYTES);
      const length = readSync(fd, part, 0, READ_BYTES, at);
      if (length === 0) return Buffer.concat(parts).toString();
      parts.push(part.subarray(0, length));
      at += length;
    }
  } catch {
    return '';
  }
};
