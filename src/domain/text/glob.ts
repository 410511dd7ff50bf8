/** Whether the whole text matches the pattern, in which `*` stands for any characters. At most their lengths multiplied in time. */
export const globMatches = (pattern: string, text: string): boolean => {
  let at = 0;
  let star = -1;
  /** Where the characters that the newest `*` stands for end. */
  let taken = 0;
  let from = 0;
  while (from < text.length) {
    if (pattern[at] === '*') {
      star = at;
      taken = from;
      at += 1;
    } else if (pattern[at] === text[from]) {
      at += 1;
      from += 1;
    } else if (star >= 0) {
      taken += 1;
      from = taken;
      at = star + 1;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at += 1;
  return at === pattern.length;
};
