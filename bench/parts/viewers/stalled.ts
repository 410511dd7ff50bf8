/** Viewers that stop reading: what they cost the server, and whether the others notice. */
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
/** With and without are measured in turns, in one server, so that what else changes meets both alike. */
const ROUNDS = 5;
/** Lines before each look at those that read: what the collection that each look ends with has changed is then past. */
const SETTLE_LINES = 500_000;
/** The stalled ones ask from so many lines on, spread: what one holds is no other's as well. */
const SPREAD_LINES = 100_000;

interface Take {
  readonly cost: Cost;
  /** Bytes that the server holds with the flood at rest, its garbage collected. */
  readonly held: number;
}

/** One server, one run that floods, and the viewers that read. */
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

  /** Viewers that ask, each from another line on, and then read nothing: what one holds is no other's as well. */
  stalled(): Promise<Load> {
    const apart = Math.floor(Math.min(this.written, SPREAD_LINES) / STALLED);
    const targets = Array.from({ length: STALLED }, (_, i) => ({
      ...runTarget('D', this.#runId, this.#server.port, this.#feed.lastSeq - i * apart),
      afterLine: this.written - i * apart,
    }));
    return Load.open({ targets, workers: 1, stalled: true });
  }

  /** Floods, and looks at the viewers that read; then, with nothing under way, at the memory. @throws LineLost */
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
    say(`${OTHERS} viewers that read, until everything is compiled`);
    await scene.take((load) => untilCompiled(server.pid, load));

    const without: Take[] = [];
    const beside: Take[] = [];
    const filled: number[] = [];
    let behind = 0;
    for (let round = 1; round <= ROUNDS; round += 1) {
      say(`${round}/${ROUNDS} ${OTHERS} viewers that read, without and with ${STALLED} that do not`);
      const first = round % 2 === 1;
      if (first) without.push(await scene.take(settle));
      {
        await using stalled = await scene.stalled();
        const asked = performance.now();
        // Until the kernel takes no more for them they read, if only into its buffers.
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
        title: `${OTHERS} viewers that read, without and with ${STALLED} that stopped reading (medians of ${ROUNDS} pairs; in the end the stalled ones got every line)`,
        rows: [
          {
            stalledViewers: STALLED,
            linesBehind: behind,
            secondsToFill: median(filled),
            kilobytesEach: median(pairs.map(({ one, other }) => (other.held - one.held) / 1000 / STALLED)),
            linesPerSecondWithout: of(without, 'linesPerSecond'),
            linesPerSecondWith: of(beside, 'linesPerSecond'),
            slowerPercent: median(slower),
            leastPercent: Math.min(...slower),
            mostPercent: Math.max(...slower),
            cpuMicrosPerLineWithout: of(without, 'cpuMicrosPerLine'),
            cpuMicrosPerLineWith: of(beside, 'cpuMicrosPerLine'),
            dearerPercent: median(
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
