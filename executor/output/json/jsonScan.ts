/** Splits the text of a JSON object into members without parsing them: for objects that are cut or repeat a member. */

interface ScannedJson {
  /** Text of each member. The last one can be incomplete. */
  readonly members: readonly string[];
  /** If the text ends inside a string that is a value: the brackets that close the object after it. Else null. */
  readonly open: string | null;
}

/** `text` starts with "{", after white space. If it is not JSON, neither are the members. */
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

/** The name in a member's text, with its escapes. */
export const nameOf = (member: string): string => {
  const from = member.indexOf('"') + 1;
  return member.slice(from, endOfString(member, from));
};

/** Position of the quotation mark that ends the string. -1 if there is none. */
const endOfString = (text: string, from: number): number => {
  for (let end = text.indexOf('"', from); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text[before] === '\\' && before >= from) before -= 1;
    if ((end - before) % 2 === 1) return end;
  }
  return -1;
};
