/** The service as `npm start` runs it, with its own Redis and the runs that abuses need. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newRunId } from '../../src/domain/ids.ts';
import { runsIndex } from '../../src/runs/records/indexKeys.ts';
import { recordKey } from '../../src/wire/keys.ts';
import { marksOf } from '../../src/wire/labelMarks.ts';
import { LABEL_MARKS, recordFields } from '../../src/wire/runRecord.ts';
import { startRedis, type TestRedis } from '../support/redis/redis.ts';
import { ask, type StartedService, spawnService } from '../support/startedService.ts';
import type { Targets } from './wire.ts';

export interface SceneOptions {
  /** Heavy runs have 190 kB of env and 90 kB of input. */
  readonly heavyRuns: number;
  readonly lightRuns: number;
}

/** CPU time of the service's main thread, ms. */
export interface ServiceWork {
  /** The longest without a pause. */
  readonly longest: number;
  /** For each request of an honest caller: from its arrival to its response. */
  readonly duringCalls: readonly number[];
}

export interface Scene extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  readonly service: StartedService;
  readonly targets: Targets;
  /** Starts a run that prints the time 20 times per second for so long. */
  startClock(seconds: number): Promise<string>;
  /** Resident memory of the service, bytes; 0 if it has ended. */
  rss(): Promise<number>;
  /** How the service worked from the one time to the other (Date.now()). */
  work(from: number, to: number): Promise<ServiceWork>;
}

const KIB = 1024;
const START = 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id } } }';

export const openScene = async (options: SceneOptions): Promise<Scene> => {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis());
  const directory = await mkdtemp(join(tmpdir(), 'rl-abuse-'));
  stack.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  await seed(redis, options);
  const loopFile = join(directory, 'loop');
  const env = {
    HOST: '127.0.0.1',
    REDIS_URL: redis.url,
    DATA_DIR: directory,
    LOG_LEVEL: 'error',
    NODE_OPTIONS: `--no-warnings --import ${new URL('./loopProbe.ts', import.meta.url).pathname}`,
    LOOP_FILE: loopFile,
  };
  const service = stack.use(spawnService({ env }));
  const address = await service.address();
  const start = async (command: readonly string[]): Promise<string> => {
    const { startRun } = (await ask(address, START, { input: { command } })) as { startRun: { run: { id: string } } };
    return startRun.run.id;
  };
  const letters = `L=$(head -c 800 /dev/zero | tr '\\0' a); yes "$L" | head -n 20000`;
  const targets = { longLog: await start(['sh', '-c', letters]) };
  for (let status = ''; status !== 'COMPLETED'; ) {
    const { run } = (await ask(address, `{ run(id: "${targets.longLog}") { status } }`)) as { run: { status: string } };
    status = run.status;
  }
  const parts = stack.move();
  return {
    address,
    port: Number(new URL(address).port),
    service,
    targets,
    startClock: (seconds) => start([process.execPath, '-e', CLOCK, String(seconds * 1000)]),
    rss: async () => {
      const text = await readFile(`/proc/${service.child.pid}/status`, 'utf8').catch(() => '');
      return Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1] ?? 0) * KIB;
    },
    work: async (from, to) => {
      const text = await readFile(loopFile, 'utf8').catch(() => '');
      const rows = text.split('\n').map((line) => line.trim().split(' ').map(Number));
      const within = rows.filter(([at = 0]) => at >= from && at <= to);
      return {
        longest: Math.max(0, ...within.map(([, longest = 0]) => longest)),
        duringCalls: within.flatMap((row) => row.slice(2)),
      };
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
};

const CLOCK = `setInterval(() => console.log(Date.now(), 'x'.repeat(100)), 50);
setTimeout(() => process.exit(0), Number(process.argv[1]));`;

const seed = async (server: TestRedis, { heavyRuns, lightRuns }: SceneOptions): Promise<void> => {
  const redis = await server.connect();
  const labels = [{ name: 'kind', value: 'seeded' }];
  const small = { image: 'a', command: ['true'], labels, status: 'COMPLETED', createdAt: 1, closed: true } as const;
  const heavy = {
    ...small,
    env: [1, 2].map((i) => ({ name: `E${i}`, value: 'e'.repeat(95 * KIB), secret: false })),
    input: { text: 'i'.repeat(90 * KIB) },
  };
  for (let made = 0; made < heavyRuns + lightRuns; ) {
    const pipeline = redis.pipeline();
    for (let i = 0; i < 100; i += 1, made += 1) {
      const id = newRunId();
      const record = made < lightRuns ? small : heavy;
      pipeline.hset(recordKey(id), ...recordFields({ id, ...record }), LABEL_MARKS, marksOf(labels));
      pipeline.zadd(runsIndex('default'), 0, id);
    }
    await pipeline.exec();
  }
  redis.disconnect();
};
