/** Searches in time linear in the text's length. V8's own search takes, at worst, that times the needle's length. */

/** Needles up to this length are searched by V8: at most this many comparisons per character, and usually far fewer. */
const SHORT = 16;

/** For each prefix of the needle: the length of its longest proper prefix that is also its suffix. */
const bordersOf = (needle: string): Uint32Array => {
  const borders = new Uint32Array(needle.length);
  for (let at = 1, length = 0; at < needle.length; at += 1) {
    while (length > 0 && needle.charCodeAt(at) !== needle.charCodeAt(length)) length = borders[length - 1] ?? 0;
    if (needle.charCodeAt(at) === needle.charCodeAt(length)) length += 1;
    borders[at] = length;
  }
  return borders;
};

/** A function that tells where a text has the needle, from a place on; -1: nowhere. As String.indexOf. */
export const textPlace = (needle: string): ((text: string, from: number) => number) => {
  if (needle.length <= SHORT) return (text, from) => text.indexOf(needle, from);
  const beginning = needle.slice(0, SHORT);
  const borders = bordersOf(needle);
  return (text, given) => {
    // Most texts do not contain even the beginning. The rest is the algorithm of Knuth, Morris and Pratt.
    const from = text.indexOf(beginning, given);
    if (from < 0) return -1;
    for (let at = from, length = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      while (length > 0 && code !== needle.charCodeAt(length)) length = borders[length - 1] ?? 0;
      if (code === needle.charCodeAt(length)) length += 1;
      if (length === needle.length) return at + 1 - length;
    }
    return -1;
  };
};

/** A function that tells whether a text contains the needle, as String.includes does. */
export const textFinder = (needle: string): ((text: string) => boolean) => {
  const place = textPlace(needle);
  return (text) => place(text, 0) >= 0;
};
