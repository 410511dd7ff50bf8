/** The header Range (RFC 9110, section 14). Pure. */

/** Offsets of the first and the last byte. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * The range that is asked for. `whole`: the header is to be ignored, because it is not valid or asks for several ranges;
 * `none`: no byte of the content is in it.
 */
export const byteRange = (header: string, size: number): ByteRange | 'whole' | 'none' => {
  const [, from, to] = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header) ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return 'whole';
  // The last bytes: "-500".
  if (from === '')
    return Number(to) === 0 || size === 0 ? 'none' : { first: Math.max(size - Number(to), 0), last: size - 1 };
  const first = Number(from);
  const last = to === '' ? Number.POSITIVE_INFINITY : Number(to);
  if (last < first) return 'whole';
  return first >= size ? 'none' : { first, last: Math.min(last, size - 1) };
};

/** Whether the range still fits the content (If-Range): a missing header, or the content's own strong ETag. */
export const isCurrent = (ifRange: string | readonly string[] | undefined, etag: string): boolean =>
  ifRange === undefined || String(ifRange).trim() === etag;
