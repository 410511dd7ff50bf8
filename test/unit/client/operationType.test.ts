import fc from 'fast-check';
import { getOperationAST, parse } from 'graphql';
import { expect, test } from 'vitest';
import { operationType } from '../../../packages/client/src/operationType.ts';

const FOLLOW = 'subscription Follow($id: ID!) { runLogs(runId: $id) { ...F } }';
const FRAGMENT = 'fragment F on RunEvent { seq }';
const START = 'mutation Start { startRun(input: { command: ["true"] }) { run { id } } }';

test.each([
  ['one line', FOLLOW, 'subscription'],
  ['its fragment first, on one line', `${FRAGMENT} ${FOLLOW}`, 'subscription'],
  ['its fragment first, nothing between', `${FRAGMENT}${FOLLOW}`, 'subscription'],
  ['a byte order mark before it', `\uFEFF${FOLLOW}`, 'subscription'],
  ['commas, tabs and line breaks before it', `,,\t\r\n${FOLLOW}`, 'subscription'],
  ['a comment before it', `# mutation { a }\n${FOLLOW}`, 'subscription'],
  ['a comment that ends with a lone CR', `# mutation { a }\r${FOLLOW}`, 'subscription'],
  ['a description', `"""mutation { a }"""\n${FOLLOW}`, 'subscription'],
  ['no name', 'subscription{runLogs(runId:"1"){seq}}', 'subscription'],
  ['a directive', 'subscription @live(if: {a: "}"}) { runLogs(runId: "1") { seq } }', 'subscription'],
  [
    'variables with defaults',
    'subscription ($f: LogFilter = {contains: "}"}, $a: [Int] = [1]) { a { b } }',
    'subscription',
  ],
  ['a fragment called subscription', `fragment subscription on Query { a } query { ...subscription }`, 'query'],
  ['a field called subscription', '{ subscription { id } }', 'query'],
  ['an operation called subscription', 'query subscription { a }', 'query'],
  ['a mutation called subscription', 'mutation subscription { a }', 'mutation'],
  ['a subscription called mutation', 'subscription mutation { a }', 'subscription'],
  [
    'a line of a block string',
    `mutation { startRun(input: {name: """\nsubscription { a }\n"""}) { run { id } } }`,
    'mutation',
  ],
  ['a block string with a quoted end', 'mutation { a(b: """\\"""\nsubscription { a }\n""") }', 'mutation'],
  ['a string with an escaped quote', 'mutation { a(b: "\\"} subscription { a }") }', 'mutation'],
  ['an empty string, then a comment', 'mutation { a(b: "") } # subscription { a }', 'mutation'],
  ['a line comment that says subscription', '# x\nmutation {\n# \nsubscription\n}', 'mutation'],
  ['a field on a line of its own', 'mutation {\n  subscription\n}', 'mutation'],
  ['a shorthand query', '{ runs { edges { node { id } } } }', 'query'],
  ['several operations and no name', `${START} ${FOLLOW}`, null],
  ['nothing', '', null],
  ['only a fragment', FRAGMENT, null],
])('%s', (_, query, type) => {
  expect(operationType({ query })).toBe(type);
});

test('operationName chooses among several operations; an empty name counts as no name', () => {
  const query = `${START} ${FRAGMENT} ${FOLLOW} query Q @a { a } { b }`;
  const types = ['Start', 'Follow', 'Q', 'F', 'Other'].map((operationName) => operationType({ query, operationName }));
  expect(types).toEqual(['mutation', 'subscription', 'query', null, null]);
  expect(operationType({ query: FOLLOW, operationName: '' })).toBe('subscription');
  expect(operationType({ query: FOLLOW, operationName: null })).toBe('subscription');
});

test('gives the same result as the parser of graphql-js for generated documents', () => {
  const word = fc.constantFrom('subscription', 'mutation', 'query', 'fragment', 'A', 'B');
  const text = fc.constantFrom('"subscription {"', '"""\nsubscription { a }\n"""', '"\\"}"', '""', '"""\\"""{"""');
  const gap = fc.constantFrom(' ', '\n', '\r\n', ',', ' # subscription {\n', ' # "\n', '\uFEFF');
  const selection = fc
    .tuple(word, text, gap, word)
    .map(([field, value, space, nested]) => `{${space}${field}(a: {b: [${value}]})${space}{ ${nested} }${space}}`);
  const definition = fc
    .tuple(
      fc.constantFrom('query', 'mutation', 'subscription', 'fragment', ''),
      word,
      fc.boolean(),
      gap,
      selection,
      text,
    )
    .map(([keyword, name, named, space, body, value]) => {
      if (keyword === '') return body;
      if (keyword === 'fragment') return `fragment ${name}${space} on Query${space}@d(a: ${value})${body}`;
      return `${keyword}${named ? ` ${name}` : ''}${space}($v: I = {a: ${value}})${space}@d(a: {b: ${value}})${space}${body}`;
    });
  fc.assert(
    fc.property(fc.array(definition, { minLength: 1, maxLength: 3 }), fc.option(word), (parts, operationName) => {
      const query = parts.join('\n');
      const right = getOperationAST(parse(query), operationName)?.operation ?? null;
      expect([query, operationType({ query, operationName })]).toEqual([query, right]);
    }),
    { numRuns: 2000 },
  );
});
