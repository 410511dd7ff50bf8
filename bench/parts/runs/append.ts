/** One executor at a command's pipe: how many plain lines per second it stores, without and with secrets to mask. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LINE_BYTES, linesFrom, stampNow } from '../../lines.ts';
import { roundsOf } from '../../options.ts';
import { inRounds } from '../../rounds.ts';
import { medians } from '../../statistics.ts';
import type { Part } from '../part.ts';
import { EXECUTOR_NOTE, measureExecutor, sha256 } from './executor.ts';

const LINES = 1_000_000;
const SECRETS = [0, 50] as const;
/** One line in so many contains a secret. */
const SECRET_EVERY = 50;

const secretsOf = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => createHash('sha256').update(`secret ${i}`).digest('base64url').slice(0, 20));

/** The text that the command prints; some lines have a secret in the middle. */
const makeText = (secrets: readonly string[]): Buffer => {
  const text = linesFrom(1, LINES, stampNow());
  if (secrets.length === 0) return text;
  for (let line = 0; line < LINES; line += SECRET_EVERY) {
    text.write(secrets[(line / SECRET_EVERY) % secrets.length] ?? '', line * (LINE_BYTES + 1) + 40, 'latin1');
  }
  return text;
};

/** SHA-256 of the text with the secrets hidden. */
const digestOf = (text: Buffer, secrets: readonly string[]): string =>
  secrets.length === 0
    ? sha256(text)
    : sha256(Buffer.from(text.toString('latin1').replaceAll(new RegExp(secrets.join('|'), 'g'), '***'), 'latin1'));

export const appendPart: Part = {
  name: 'append',
  async run(bench) {
    const directory = await mkdtemp(join(tmpdir(), 'rl-bench-'));
    const rounds = roundsOf(bench.options, true);
    try {
      const cells = [];
      for (const count of SECRETS) {
        const secrets = secretsOf(count);
        const text = makeText(secrets);
        const printed = {
          file: join(directory, `lines-${count}.txt`),
          lines: LINES,
          digest: digestOf(text, secrets),
          secrets,
        };
        await writeFile(printed.file, text);
        const name = `${LINES} lines, ${count} secrets to mask`;
        cells.push({ name, rounds, measure: () => measureExecutor(printed, bench) });
      }
      const taken = await inRounds(cells, bench.say);
      const rows = SECRETS.map((secrets, i) => ({ secrets, samples: rounds, ...medians(taken[i] ?? []) }));
      return [
        { title: `One executor: ${LINES.toLocaleString('en-US')} plain lines from \`cat\``, note: EXECUTOR_NOTE, rows },
      ];
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};
