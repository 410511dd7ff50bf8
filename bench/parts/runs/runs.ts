/** Whole runs with the process launcher: how many per second, and how soon the first line comes. */
import type { Redis } from 'ioredis';
import type { RunId } from '../../../src/domain/ids.ts';
import { recordKey } from '../../../src/wire/keys.ts';
import { startRun } from '../../../test/support/clients/client.ts';
import { LineLost } from '../../load/load.ts';
import { startRunloom } from '../../servers.ts';
import { median } from '../../statistics.ts';
import type { Part } from '../part.ts';
import { firstLineMs } from './firstLine.ts';

const RUNS = 30;
const FIRST_LINES = 7;
const RUN_MS = 120_000;
const POLL_MS = 20;

const untilFinished = async (redis: Redis, runs: readonly RunId[]): Promise<void> => {
  const deadline = performance.now() + RUN_MS;
  for (;;) {
    const pipeline = redis.pipeline();
    for (const run of runs) pipeline.hmget(recordKey(run), 'closed', 'status');
    const answers = ((await pipeline.exec()) ?? []).map(([, answer]) => answer as (string | null)[]);
    const failed = answers.find(([closed, status]) => closed === '1' && status !== 'COMPLETED');
    if (failed !== undefined) throw new LineLost(`a run ended as ${failed[1]}`);
    if (answers.every(([closed]) => closed === '1')) return;
    if (performance.now() > deadline) throw new Error('the runs did not end within 120 s');
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
};

export const runsPart: Part = {
  name: 'runs',
  async run({ redis, redisUrl, say }) {
    say(`${RUNS} runs at once, then ${FIRST_LINES} one by one for their first line`);
    await using server = await startRunloom({ redisUrl });
    const url = `http://127.0.0.1:${server.port}`;
    const started = performance.now();
    const begun = Array.from({ length: RUNS }, () => startRun(url, { command: ['true'] }));
    const runs = (await Promise.all(begun)) as RunId[];
    const accepted = performance.now();
    await untilFinished(redis, runs);
    const finished = performance.now();
    const firstLines: number[] = [];
    for (let i = 0; i < FIRST_LINES; i += 1) firstLines.push(await firstLineMs(url));
    return [
      {
        title: 'Runs with the process launcher',
        note: 'MAX_CONCURRENT_RUNS has its default, twice the CPU cores. "start to first line ms" is a median.',
        rows: [
          {
            runs: RUNS,
            acceptedPerSecond: (RUNS * 1000) / (accepted - started),
            finishedPerSecond: (RUNS * 1000) / (finished - started),
            startToFirstLineMs: median(firstLines),
          },
        ],
      },
    ];
  },
};
