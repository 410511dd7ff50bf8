/** One executor at a command's pipe that carries structured records: what it costs to read them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordsFrom } from '../../feed/records.ts';
import { roundsOf } from '../../options.ts';
import { inRounds } from '../../rounds.ts';
import { medians } from '../../statistics.ts';
import type { Part } from '../part.ts';
import { EXECUTOR_NOTE, measureExecutor, sha256 } from './executor.ts';

const RECORDS = 200_000;

const NOTE = `${EXECUTOR_NOTE} Each line is a record as pino prints it, which the executor parses.`;

/** What log.txt must be: the message of each record. */
const digestOf = (text: Buffer): string => {
  const records = text.toString().trimEnd().split('\n');
  return sha256(records.map((record) => `${(JSON.parse(record) as { readonly msg: string }).msg}\n`).join(''));
};

export const parsePart: Part = {
  name: 'parse',
  async run(bench) {
    const directory = await mkdtemp(join(tmpdir(), 'rl-bench-'));
    try {
      const text = recordsFrom(1, RECORDS);
      const printed = { file: join(directory, 'records.ndjson'), lines: RECORDS, digest: digestOf(text) };
      await writeFile(printed.file, text);
      const rounds = roundsOf(bench.options, true);
      const measure = () => measureExecutor(printed, bench);
      const [taken = []] = await inRounds([{ name: `${RECORDS} records`, rounds, measure }], bench.say);
      const bytesPerLine = text.length / RECORDS;
      const row = { content: 'records', samples: rounds, printedBytesPerLine: bytesPerLine, ...medians(taken) };
      return [
        {
          title: `One executor: ${RECORDS.toLocaleString('en-US')} structured records from \`cat\``,
          note: NOTE,
          rows: [row],
        },
      ];
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};
