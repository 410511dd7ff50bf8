/**
 * Results of subscriptions as JSON text, by a selection that is compiled once: a third of graphql-js' cost per line of a
 * list. It knows what log subscriptions need: no arguments below the root, no promises. Everything
 * else (an error, a null in a non-null field) throws NotCompiled, and graphql-js makes the result. Plain lines are written
 * without an object for each (LinesSource). Texts are byte strings: one character for each byte of UTF-8.
 */
import type { FragmentDefinitionNode, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import type { LinesSource } from './eventSource.ts';
import { NotCompiled, object } from './jsonWriters.ts';
import { bytesOf, LINES_PLACE } from './linesText.ts';
import type { TextLayout } from './messageLayout.ts';
import { SelectionCompiler, type Variables } from './selectionCompiler.ts';

export interface CompiledOperation {
  /** The result, `{"data":{…}}`, for a root value of the subscription, in this layout. @throws NotCompiled */
  result(rootValue: unknown, layout: TextLayout): Buffer;
  /** The same for each of the lines, if the root field is an event. `layout` has no prefix. @throws NotCompiled */
  lineResults(source: LinesSource, layout: TextLayout): readonly Buffer[];
}

/** @throws NotCompiled for an operation that graphql-js has to execute: @defer, @stream, arguments below the root */
export const compileSubscription = (
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  variables: Variables,
): CompiledOperation => {
  const root = schema.getSubscriptionType();
  if (!root) throw new NotCompiled();
  const compiler = new SelectionCompiler(schema, fragments, variables);
  const fields = compiler.fields(root, [operation.selectionSet], true);
  const write = object(fields);
  const [field] = fields;
  return {
    result: (rootValue, { prefixBytes, end }) => {
      compiler.lines = [];
      return bytesOf(`{"data":${write(rootValue)}}${end}`, compiler.lines, prefixBytes);
    },
    lineResults: (source, { end }) => {
      if (field?.writeLines == null || fields.length > 1) throw new NotCompiled();
      const before = `{"data":${field.before}`;
      const after = `}}${end}`;
      const lines = field.writeLines(source, `${after}${SPLIT}${before}`);
      return split(bytesOf(`${before}${LINES_PLACE}${after}`, [lines], 0));
    },
  };
};

/** Separates two texts. JSON escapes this character, so no text contains it. */
const SPLIT = '\x01';

/** The texts between separators, in the same memory. */
const split = (bytes: Buffer): readonly Buffer[] => {
  const texts: Buffer[] = [];
  let from = 0;
  const byte = SPLIT.charCodeAt(0);
  for (let at = bytes.indexOf(byte); at >= 0; at = bytes.indexOf(byte, from)) {
    texts.push(bytes.subarray(from, at));
    from = at + 1;
  }
  texts.push(bytes.subarray(from));
  return texts;
};
