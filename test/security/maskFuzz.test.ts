/**
 * Secrets in every form of docs/reference/masking.md, in every kind of line, divided by reads, states of progress bars and
 * ANSI sequences: none is shown. FUZZ_CASES=1000000 tries a million.
 */
import { expect, test } from 'vitest';
import type { Random } from '../faults/random.ts';
import { DISGUISES, SEQUENCES, stripped } from '../support/disguises.ts';
import { openFuzz } from '../support/fuzz.ts';
import { NOW, startOutput, textsOf } from '../support/output.ts';

/** Secrets are changed after so many cases: to prepare the masks takes longer than a case. */
const CASES_PER_RUN = 200;
/** Time between two reads, ms: longer than a progress bar waits for its next state. */
const PAUSE_MS = 150;

type Text = (random: Random) => string;

const textOf = (random: Random, characters: readonly string[], least: number, most: number): string =>
  Array.from({ length: random.between(least, most) }, () => characters[random.between(0, characters.length - 1)]).join(
    '',
  );
const SPECIAL = [...'QWZ#?&=<>"\'\\/ +%éß😀~$`!*()25A0:,;{}[]|^\u2028'];
const TOKEN = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_'];
const DIGITS = [...'0123456789'];

const SECRETS: readonly [Text, ...Text[]] = [
  // Not shorter after trimming: shorter secrets are masked as they are only.
  (random) => `k${textOf(random, SPECIAL, 4, 40)}`.trim().padEnd(5, 'z'),
  (random) => textOf(random, TOKEN, 6, 60),
  (random) => textOf(random, TOKEN, 100, 300),
  (random) => `4${textOf(random, DIGITS, 9, 14)}`,
  (random) => Array.from({ length: random.between(2, 5) }, () => textOf(random, TOKEN, 6, 70)).join('\n'),
  (random) => Array.from({ length: 3 }, () => textOf(random, SPECIAL, 6, 20)).join('\r\n'),
];

/** A secret as it is printed, and what must not be seen of it. */
interface Disguised {
  readonly printed: string;
  readonly hidden: readonly string[];
}

const lines = (text: string): readonly string[] => text.split(/[\r\n]+/).map((line) => line.trim());
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const MORE: readonly [
  (secret: string, random: Random) => Disguised,
  ...((secret: string, random: Random) => Disguised)[],
] = [
  (secret, random) => {
    const before = 'x'.repeat(random.between(1, 9));
    const printed = base64(`${before}${secret}${'y'.repeat(random.between(0, 4))}`);
    const [from, to] = [before.length, before.length + Buffer.byteLength(secret)];
    return { printed, hidden: [printed.slice(Math.ceil((from * 8) / 6), Math.floor((to * 8) / 6))] };
  },
  (secret, random) => {
    const wrap = random.pick([64, 76]);
    const all = base64(`${secret}${random.pick(['', '\n'])}`);
    // The last characters can also be of the line break.
    const sure = base64(secret).slice(0, Math.floor((Buffer.byteLength(secret) * 8) / 6));
    const cut = (text: string): string[] => text.match(new RegExp(`.{1,${wrap}}`, 'g')) ?? [];
    return { printed: cut(all).join('\n'), hidden: cut(sure) };
  },
];

const disguised = (secret: string, random: Random): Disguised => {
  if (random.between(0, 9) === 0) return random.pick(MORE)(secret, random);
  const names = Object.keys(DISGUISES);
  const printed = DISGUISES[names[random.between(0, names.length - 1)] ?? '']?.(secret) ?? secret;
  return { printed, hidden: [printed, ...lines(printed)] };
};

const inside = (text: string): string => text.replaceAll(/[\r\n]+/g, '%0A');
const DRESSES: readonly [Text2, ...Text2[]] = [
  (text) => text,
  (text) => `before ${text} after`,
  (text, random) => `${random.pick(SEQUENCES)}${text}\u001b[0m`,
  (text) => `1%\r2%\r${text}`,
  (text) => `\r${text}`,
  (text) => `\ufeff${text}`,
  (text) =>
    JSON.stringify({ level: 'warn', time: '2024-05-06T07:08:09Z', msg: text, [text]: [text], error: `x ${text}` }),
  (text) => JSON.stringify({ severity: 'INFO', message: 'm', logger: text, deep: { list: [{ text }] } }),
  (text) => `::error title=${inside(text).replaceAll(',', '%2C').replaceAll(':', '%3A')}::${inside(text)}`,
  (text) => `::group::${inside(text)}\n::endgroup::`,
  (text) => `::output::${JSON.stringify({ [text]: text })}`,
  (text) => `::event name=x::${JSON.stringify(text)}`,
  (text) => `::progress current=1,total=2,unit=u::${inside(text)}`,
];
type Text2 = (text: string, random: Random) => string;

/** Puts ANSI sequences between characters of the text. */
const divided = (text: string, random: Random): string => {
  const letters = [...text];
  for (let i = random.between(0, 3); i > 0; i -= 1) {
    letters.splice(random.between(0, letters.length), 0, random.pick(SEQUENCES));
  }
  return letters.join('');
};

/** Writes the bytes in reads of any size, some of them after a pause. */
const writeInPieces = (bytes: Buffer, random: Random, { stdout }: ReturnType<typeof startOutput>): void => {
  let now = NOW;
  for (let at = 0; at < bytes.length; ) {
    const size = random.pick([bytes.length, bytes.length, random.between(1, bytes.length), random.between(1, 8)]);
    stdout.write(bytes.subarray(at, at + size), now);
    at += size;
    if (random.between(0, 3) > 0) continue;
    now += PAUSE_MS;
    stdout.tick(now);
  }
};

const { cases, random } = openFuzz(20_000);

test(`no promised form of a secret is shown: ${cases} cases`, () => {
  for (let done = 0; done < cases; done += CASES_PER_RUN) {
    const secrets = Array.from({ length: random.between(1, 3) }, () => random.pick(SECRETS)(random));
    const output = startOutput({ secrets, maxLineBytes: random.pick([32, 200, 65_536, 65_536]) });
    for (let i = 0; i < CASES_PER_RUN; i += 1) {
      const secret = secrets[random.between(0, secrets.length - 1)] ?? '';
      const { printed, hidden } = disguised(secret, random);
      const text = `${random.pick(DRESSES)(random.between(0, 2) > 0 ? printed : divided(printed, random), random)}${random.pick(['\n', '\n', '\r\n', '\r\n', ' \n'])}`;
      writeInPieces(Buffer.from(text), random, output);
      const shown = textsOf(output.sink.drafts.splice(0)).join('\u0000');
      for (const seen of [shown, stripped(shown)]) {
        const leak = [secret, ...hidden].find((form) => form.length > 3 && seen.includes(form));
        if (leak !== undefined) expect.fail(JSON.stringify({ secrets, secret, text, leak, seen }));
      }
    }
  }
}, 3_600_000);
