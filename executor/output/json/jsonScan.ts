/** Takes the text of a JSON object apart without reading it: for objects that are cut off, or name a member twice. */

interface ScannedJson {
  /** The texts of the object's members, the last one as far as it goes. */
  readonly members: readonly string[];
  /** Where the text ends within a string that is a value: what closes all that is open behind it. Else null. */
  readonly open: string | null;
}

/** The text begins with "{", white space aside. It need not be JSON: then what comes out is none either. */
export const scanJson = (text: string): ScannedJson => {
  const members: string[] = [];
  const closers: string[] = [];
  let from = 0;
  let isValue = false;
  let openString = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') {
      const end = endOfString(text, at + 1);
      openString = end < 0;
      if (end < 0) break;
      at = end;
    } else if (character === '{' || character === '[') {
      closers.push(character === '{' ? '}' : ']');
      if (closers.length === 1) from = at + 1;
      isValue = character === '[';
    } else if (character === '}' || character === ']') {
      if (closers.length === 1) members.push(text.slice(from, at));
      closers.pop();
    } else if (character === ',') {
      if (closers.length === 1) {
        members.push(text.slice(from, at));
        from = at + 1;
      }
      isValue = closers.at(-1) === ']';
    } else if (character === ':') isValue = true;
  }
  if (closers.length > 0) members.push(text.slice(from));
  return { members, open: openString && isValue ? closers.reverse().join('') : null };
};

/** The name in a member's text, as it was written. */
export const nameOf = (member: string): string => {
  const from = member.indexOf('"') + 1;
  return member.slice(from, endOfString(member, from));
};

/** Where the string's quotation mark is that ends it; -1 where the text ends before. */
const endOfString = (text: string, from: number): number => {
  for (let end = text.indexOf('"', from); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text[before] === '\\' && before >= from) before -= 1;
    if ((end - before) % 2 === 1) return end;
  }
  return -1;
};
