/** The numbered promises of PROTOCOL.md, and the titles of tests that name them (`S2: …`, `S2, S5a: …`). */
import { parseSync, Visitor } from 'vite';

export interface NumberedPromise {
  readonly number: string;
  /** Lines of Markdown. */
  readonly lines: readonly string[];
}

const MOST_LINES = 3;
/** As wide as code is. */
const LINE_CHARACTERS = 120;
const NUMBER = String.raw`[A-Z]\d{1,2}[a-z]?`;
const PROMISE = new RegExp(String.raw`^- \*\*(${NUMBER})\*\* `);
const NAMED = new RegExp(`^(${NUMBER}(?:, ${NUMBER})*): `);

/** A promise goes on to the next line that is not indented. */
export const promisesOf = (protocol: string): readonly NumberedPromise[] => {
  const promises: { number: string; lines: string[] }[] = [];
  let open = false;
  for (const line of protocol.split('\n')) {
    const number = PROMISE.exec(line)?.[1];
    if (number !== undefined) promises.push({ number, lines: [line] });
    else if (open && /^\s+\S/.test(line)) promises.at(-1)?.lines.push(line);
    open = number !== undefined || (open && /^\s+\S/.test(line));
  }
  return promises;
};

interface Node {
  readonly type: string;
  readonly name?: string;
  readonly callee?: Node;
  readonly object?: Node;
  readonly value?: unknown;
  readonly quasis?: readonly { readonly value: { readonly cooked: string } }[];
}

/** `test`, `it`, and what is made of them: `test.each(…)`, `it.skipIf(…)`. */
const isTest = (callee: Node): boolean => {
  if (callee.type === 'Identifier') return callee.name === 'test' || callee.name === 'it';
  const inner = callee.type === 'CallExpression' ? callee.callee : callee.object;
  return inner !== undefined && isTest(inner);
};

/** Titles of all tests of a file; what a template inserts is left out. */
export const titlesOf = (source: string): readonly string[] => {
  const { program, errors } = parseSync('file.test.ts', source);
  if (errors.length > 0) throw new SyntaxError(errors[0]?.message);
  const titles: string[] = [];
  new Visitor({
    CallExpression(call) {
      const title = call.arguments[0] as Node | undefined;
      if (!isTest(call.callee as Node) || title === undefined) return;
      if (title.type === 'Literal' && typeof title.value === 'string') titles.push(title.value);
      if (title.type === 'TemplateLiteral')
        titles.push((title.quasis ?? []).map(({ value }) => value.cooked).join('…'));
    },
  }).visit(program);
  return titles;
};

export const numbersIn = (title: string): readonly string[] => NAMED.exec(title)?.[1]?.split(', ') ?? [];

/** What is wrong with the promises and the titles together, a line each. */
export const problemsOf = (promises: readonly NumberedPromise[], titles: readonly string[]): readonly string[] => {
  const known = promises.map(({ number }) => number);
  const tested = titles.flatMap(numbersIn);
  return [
    ...known.filter((number, i) => known.indexOf(number) !== i).map((number) => `${number} is there twice`),
    ...known.filter((number) => !tested.includes(number)).map((number) => `${number} has no test`),
    ...titles.flatMap((title) =>
      numbersIn(title)
        .filter((number) => !known.includes(number))
        .map((number) => `${number} is not a promise, but a test is called "${title}"`),
    ),
    ...promises
      .filter(({ lines }) => lines.length > MOST_LINES || lines.some(({ length }) => length > LINE_CHARACTERS))
      .map(({ number }) => `${number} is longer than ${MOST_LINES} lines of ${LINE_CHARACTERS} characters`),
  ];
};
