/** Which kind of operation a request runs, found without a parser: a client needs no `graphql` for it. */

export type OperationType = 'query' | 'mutation' | 'subscription';

interface Request {
  readonly query?: string | null;
  readonly operationName?: string | null | undefined;
}
interface Operation {
  readonly type: OperationType;
  readonly name: string | null;
}

/**
 * What a document is made of, as far as it matters here: strings and comments as one token each, so that nothing in
 * them is taken for a keyword; names; and other characters, one by one.
 */
const TOKEN = /"""(?:\\"""|[\s\S])*?"""|"(?:\\.|[^"\\\n\r])*"|#[^\n\r]*|[_A-Za-z][_0-9A-Za-z]*|[\s\S]/g;
const NAME = /^[_A-Za-z]/;
const TYPES: ReadonlySet<string> = new Set<OperationType>(['query', 'mutation', 'subscription']);
const isType = (word: string): word is OperationType => TYPES.has(word);

/** The operations of a document, in order. A definition ends with the `}` of the selection set that is not nested. */
const operationsOf = (document: string): readonly Operation[] => {
  const operations: Operation[] = [];
  let depth = 0;
  /** Names of the present definition before its first bracket, such as `subscription`, `Follow`. */
  let words: string[] = [];
  let hasHead = false;
  for (const [token] of document.matchAll(TOKEN)) {
    if (token === '{' || token === '(' || token === '[') {
      if (depth === 0 && !hasHead) {
        hasHead = true;
        const [keyword = 'query', name = null] = words;
        // `fragment` is none of these.
        if (isType(keyword)) operations.push({ type: keyword, name });
      }
      depth += 1;
    } else if (token === '}' || token === ')' || token === ']') {
      depth -= 1;
      // Variables and arguments of directives end with other brackets.
      if (depth === 0 && token === '}') [words, hasHead] = [[], false];
    } else if (token === '@' && depth === 0) {
      // A directive without a name before it must not give the operation its name.
      if (words.length === 1) words.push('');
    } else if (depth === 0 && !hasHead && NAME.test(token)) {
      words.push(token);
    }
  }
  return operations;
};

/** Null where the document has no such operation, or several and no name says which: the server refuses it. */
export const operationType = ({ query, operationName }: Request): OperationType | null => {
  const operations = operationsOf(query ?? '');
  const chosen = operationName
    ? operations.filter(({ name }) => name === operationName)
    : operations.length === 1
      ? operations
      : [];
  return chosen[0]?.type ?? null;
};
