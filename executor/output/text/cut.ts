/** The greatest length up to `limit` at which valid UTF-8 can be cut without dividing a character. */
export const cutAt = (bytes: Buffer, limit: number): number => {
  if (bytes.length <= limit) return bytes.length;
  let end = limit;
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
  return end;
};

/** The text in at most `limit` UTF-8 bytes, whole characters only. */
export const cutText = (text: string, limit: number): string => {
  // a UTF-16 unit is three bytes at most
  if (text.length * 3 <= limit || Buffer.byteLength(text) <= limit) return text;
  const bytes = Buffer.from(text);
  return bytes.toString('utf8', 0, cutAt(bytes, limit));
};
