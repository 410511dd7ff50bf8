/** Viewers that stop reading: how much memory they cost the server, and whether they slow down other viewers. */
import type { RunId } from '../../../src/domain/ids.ts';
import { createRun } from '../../../test/support/log.ts';
import { runTarget, UNBOUNDED } from '../../contenders.ts';
import { LogFeed } from '../../feed/feed.ts';
import { flood, warmUp } from '../../feed/pace.ts';
import { createInspector } from '../../inspector.ts';
import { Load } from '../../load/load.ts';
import { type Cost, measureCost, untilCompiled } from '../../measure.ts';
import { startRunloom } from '../../servers.ts';
import { FULL_SECONDS, untilFull } from '../../sockets.ts';
import { median } from '../../statistics.ts';
import type { Bench, Part } from '../part.ts';
import { COMPLETE_MS, windowOf } from './flood.ts';

const OTHERS = 20;
const STALLED = 100;
/** With and without stalled viewers is measured in turns, in one server: what else changes then affects both alike. */
const ROUNDS = 5;
/** Lines before each measurement: the garbage collection at the end of the last one has no effect any more. */
const SETTLE_LINES = 500_000;
/** The stalled viewers start at lines that are spread over so many: no two hold the same data. */
const SPREAD_LINES = 100_000;

const NOTE =
  `Medians of ${ROUNDS} pairs of measurements. "seconds to fill" is how long it takes until the kernel's buffers of the ` +
  'stalled viewers are full; the others are measured after that. "kilobytes each" is the memory of the server per ' +
  'stalled viewer. "slower %" and "more CPU %" are what the reading viewers lose. At the end the stalled viewers read on ' +
  'and got every line.';

interface Take {
  readonly cost: Cost;
  /** Memory of the server after a garbage collection with the flood at rest, bytes. */
  readonly held: number;
}

/** One server, one run that is flooded, and the viewers that read. */
class Scene {
  readonly #bench: Bench;
  readonly #server: { readonly pid: number; readonly port: number };
  readonly #runId: RunId;
  readonly #feed: LogFeed;
  readonly #others: Load;
  readonly #heldBytes: () => Promise<number>;
  written = 0;

  constructor(
    bench: Bench,
    parts: { server: { pid: number; port: number }; runId: RunId; feed: LogFeed; others: Load },
    heldBytes: () => Promise<number>,
  ) {
    this.#bench = bench;
    this.#server = parts.server;
    this.#runId = parts.runId;
    this.#feed = parts.feed;
    this.#others = parts.others;
    this.#heldBytes = heldBytes;
  }

  /** Viewers that subscribe, each at another line, and then read nothing. */
  stalled(): Promise<Load> {
    const apart = Math.floor(Math.min(this.written, SPREAD_LINES) / STALLED);
    const targets = Array.from({ length: STALLED }, (_, i) => ({
      ...runTarget('D', this.#runId, this.#server.port, this.#feed.lastSeq - i * apart),
      afterLine: this.written - i * apart,
    }));
    return Load.open({ targets, workers: 1, stalled: true });
  }

  /** Floods and measures the viewers that read; then, with nothing on its way, the memory. @throws LineLost */
  async take(settle: (load: Load) => Promise<unknown>): Promise<Take> {
    const { options, redisPid } = this.#bench;
    const window = windowOf({ pushes: false }, OTHERS);
    const pace = flood(this.#feed, this.#others, { batch: options.batch, window, after: this.written });
    await settle(this.#others);
    const watched = { server: this.#server.pid, redis: redisPid, load: this.#others };
    const cost = await measureCost(watched, options.seconds);
    this.written = await pace.stop();
    await this.#others.complete(this.written, COMPLETE_MS);
    return { cost, held: await this.#heldBytes() };
  }
}

const settle = (load: Load): Promise<void> => {
  const settled = load.last + SETTLE_LINES;
  return load.until(() => load.last >= settled);
};

export const stalledPart: Part = {
  name: 'stalled',
  async run(bench) {
    const { redis, redisUrl, options, say } = bench;
    const inspector = await createInspector();
    await using server = await startRunloom({ redisUrl, nodeFlags: inspector.nodeFlags });
    const runId = await createRun(redis, UNBOUNDED);
    const feed = await LogFeed.open(redis, runId);
    const targets = Array.from({ length: OTHERS }, () => runTarget('D', runId, server.port));
    await using others = await Load.open({ targets, workers: options.workers });
    await warmUp(feed, others);
    const scene = new Scene(bench, { server, runId, feed, others }, () => inspector.heldBytes());
    say(`warming up with ${OTHERS} viewers that read`);
    await scene.take((load) => untilCompiled(server.pid, load));

    const without: Take[] = [];
    const beside: Take[] = [];
    const filled: number[] = [];
    let behind = 0;
    for (let round = 1; round <= ROUNDS; round += 1) {
      say(`${round}/${ROUNDS} ${OTHERS} reading viewers, without and with ${STALLED} stalled viewers`);
      const first = round % 2 === 1;
      if (first) without.push(await scene.take(settle));
      {
        await using stalled = await scene.stalled();
        const asked = performance.now();
        // Until the buffers of the kernel are full, a stalled viewer still receives data.
        const full = async (load: Load): Promise<void> => {
          await untilFull(server.port, stalled.ports);
          filled.push((performance.now() - asked) / 1000 - FULL_SECONDS);
          await settle(load);
        };
        beside.push(await scene.take(full));
        behind = scene.written - stalled.last;
        if (round === ROUNDS) {
          stalled.stall(false);
          await stalled.complete(scene.written, COMPLETE_MS);
        }
      }
      if (!first) without.push(await scene.take(settle));
    }
    const pairs = without.flatMap((one, i) => {
      const other = beside[i];
      return other === undefined ? [] : [{ one, other }];
    });
    const slower = pairs.map(({ one, other }) => 100 * (1 - other.cost.linesPerSecond / one.cost.linesPerSecond));
    const of = (takes: readonly Take[], name: 'linesPerSecond' | 'cpuMicrosPerLine' | 'residentMb'): number =>
      median(takes.map(({ cost }) => cost[name]));
    return [
      {
        title: `${OTHERS} reading viewers, without and with ${STALLED} stalled viewers`,
        note: NOTE,
        rows: [
          {
            stalledViewers: STALLED,
            linesBehind: behind,
            secondsToFill: median(filled),
            kilobytesEach: median(pairs.map(({ one, other }) => (other.held - one.held) / 1000 / STALLED)),
            linesPerSecondWithout: of(without, 'linesPerSecond'),
            linesPerSecondWith: of(beside, 'linesPerSecond'),
            slowerPercent: median(slower),
            slowerMinPercent: Math.min(...slower),
            slowerMaxPercent: Math.max(...slower),
            cpuMicrosPerLineWithout: of(without, 'cpuMicrosPerLine'),
            cpuMicrosPerLineWith: of(beside, 'cpuMicrosPerLine'),
            moreCpuPercent: median(
              pairs.map(({ one, other }) => 100 * (other.cost.cpuMicrosPerLine / one.cost.cpuMicrosPerLine - 1)),
            ),
            residentMbWithout: of(without, 'residentMb'),
            residentMbWith: of(beside, 'residentMb'),
          },
        ],
      },
    ];
  },
};
