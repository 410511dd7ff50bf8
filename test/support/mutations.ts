/** Messages of clients with something changed: a value, a member, the text. */
import fc from 'fast-check';
import type { Random } from '../faults/random.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Values and texts that programs often read wrongly. */
const ODD_TEXTS = [
  '',
  '\u0000',
  '\ud800',
  '\ufeff',
  '__proto__',
  'constructor',
  'toString',
  '"',
  '\\',
  '\\ud800',
  '{',
  '}',
  '[',
  '(',
  ')',
  '!',
  '$',
  '@include(if: $a)',
  '@skip(if: true)',
  '...',
  '... on RunStarted { __typename }',
  '...A fragment A on Query { ...A }',
  'query A { __typename }',
  'mutation',
  'subscription',
  '__schema { types { name } }',
  '"""',
  '#',
  'null',
  '1e999',
  '-0',
  '9'.repeat(400),
  '٣',
  '😀',
  'x'.repeat(5000),
  '[['.repeat(100),
  '{"a":'.repeat(200),
  '%00',
  '\r\n',
] as const;
const ODD_VALUES: readonly [Json, ...Json[]] = [
  null,
  true,
  0,
  -1,
  0.5,
  1e308,
  2 ** 31,
  2 ** 53,
  [],
  {},
  [null],
  [[[[]]]],
  { a: { b: {} } },
  JSON.parse('{"__proto__":{"a":1},"constructor":1}') as Json,
];

export class Mutations {
  readonly #random: Random;
  readonly #odd: readonly [Json, ...Json[]];

  constructor(random: Random) {
    this.#random = random;
    const given = { numRuns: 2000, seed: random.seed };
    const values = fc.sample(fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' }), fc.double()), given) as Json[];
    this.#odd = [...ODD_VALUES, ...ODD_TEXTS, ...values];
  }

  /** The message as JSON, with up to three changes. */
  json(message: Json): string {
    const random = this.#random;
    let value = message;
    for (let i = random.between(0, 3); i > 0; i -= 1) value = this.#changed(value);
    const text = JSON.stringify(value) ?? 'null';
    return random.between(0, 5) === 0 ? this.text(text) : text;
  }

  /** The text with one change. */
  text(text: string): string {
    const random = this.#random;
    const [one, other] = [random.between(0, text.length), random.between(0, text.length)];
    const [from, to] = [Math.min(one, other), Math.max(one, other)];
    switch (random.between(0, 5)) {
      case 0:
        return text.slice(0, from) + text.slice(from + 1);
      case 1:
        return text.slice(0, from) + text.slice(to);
      case 2:
        return text.slice(0, to) + text.slice(from);
      case 3:
        return text.slice(0, from) + String.fromCharCode(random.between(0, 0xffff)) + text.slice(from + 1);
      case 4:
        return text.slice(0, from);
      default:
        return text.slice(0, from) + random.pick(ODD_TEXTS) + text.slice(from);
    }
  }

  /** Changes a value somewhere in the tree. */
  #changed(value: Json): Json {
    const random = this.#random;
    if (typeof value === 'string') return random.between(0, 2) === 0 ? random.pick(this.#odd) : this.text(value);
    if (typeof value !== 'object' || value === null || random.between(0, 9) === 0) return random.pick(this.#odd);
    if (Array.isArray(value)) {
      const at = random.between(0, value.length);
      return [...value.slice(0, at), this.#changed(value[at] ?? null), ...value.slice(at + random.between(0, 2))];
    }
    const members = Object.entries(value);
    const at = random.between(0, members.length);
    const [name, member] = members[at] ?? ['more', null];
    const changes: (readonly [string, Json])[] = [
      [name, this.#changed(member)],
      [name, this.#changed(member)],
      [name, this.#changed(member)],
      [this.text(name), member],
      [random.pick(ODD_TEXTS), random.pick(this.#odd)],
    ];
    const kept = members.filter((_member, index) => index !== at);
    return Object.fromEntries(
      random.between(0, 9) === 0 ? kept : [...kept, changes[random.between(0, 4)] ?? [name, member]],
    );
  }
}
