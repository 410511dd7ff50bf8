/** Finds the type of operation that a request runs. It needs no parser, so clients need no package `graphql`. */

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
 * The tokens of a document: a string or a comment is one token, so that no word in it is taken for a keyword; then
 * names; then every other character by itself.
 */
const TOKEN = /"""(?:\\"""|[\s\S])*?"""|"(?:\\.|[^"\\\n\r])*"|#[^\n\r]*|[_A-Za-z][_0-9A-Za-z]*|[\s\S]/g;
const NAME = /^[_A-Za-z]/;
const TYPES: ReadonlySet<string> = new Set<OperationType>(['query', 'mutation', 'subscription']);
const isType = (word: string): word is OperationType => TYPES.has(word);

/** The operations of a document, in order. A definition ends with the `}` of its outermost selection set. */
const operationsOf = (document: string): readonly Operation[] => {
  const operations: Operation[] = [];
  let depth = 0;
  /** The names before the first bracket of the current definition, such as `subscription`, `Follow`. */
  let words: string[] = [];
  let hasHead = false;
  for (const [token] of document.matchAll(TOKEN)) {
    if (token === '{' || token === '(' || token === '[') {
      if (depth === 0 && !hasHead) {
        hasHead = true;
        const [keyword = 'query', name = null] = words;
        // `fragment` is not an operation.
        if (isType(keyword)) operations.push({ type: keyword, name });
      }
      depth += 1;
    } else if (token === '}' || token === ')' || token === ']') {
      depth -= 1;
      // Lists of variables and of arguments end with another bracket.
      if (depth === 0 && token === '}') [words, hasHead] = [[], false];
    } else if (token === '@' && depth === 0) {
      // The name of a directive must not become the name of an operation without a name.
      if (words.length === 1) words.push('');
    } else if (depth === 0 && !hasHead && NAME.test(token)) {
      words.push(token);
    }
  }
  return operations;
};

/** The type; null if the document has no such operation, or several and no name. The server refuses such a request. */
export const operationType = ({ query, operationName }: Request): OperationType | null => {
  const operations = operationsOf(query ?? '');
  const chosen = operationName
    ? operations.filter(({ name }) => name === operationName)
    : operations.length === 1
      ? operations
      : [];
  return chosen[0]?.type ?? null;
};
