/** The greatest length up to `limit` at which valid UTF-8 can be cut without splitting a character. */
export const cutAt = (bytes: Buffer, limit: number): number => {
  if (bytes.length <= limit) return bytes.length;
  let end = limit;
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
  return end;
};

/** The text in at most `limit` UTF-8 bytes, whole characters only. */
export const cutText = (text: string, limit: number): string => {
  // A UTF-16 unit takes at most three bytes.
  if (text.length * 3 <= limit || Buffer.byteLength(text) <= limit) return text;
  const bytes = Buffer.from(text);
  return bytes.toString('utf8', 0, cutAt(bytes, limit));
};
