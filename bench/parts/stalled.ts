/** Viewers that stop reading: what they cost the server, and whether the others notice. */
import { setTimeout as delay } from 'node:timers/promises';
import { CONTENDERS } from '../contenders.ts';
import { flood, warmUp } from '../feed/pace.ts';
import { createInspector } from '../inspector.ts';
import { Load } from '../load/load.ts';
import { measureCost } from '../measure.ts';
import { median } from '../statistics.ts';
import { COMPLETE_MS, FLOOD_WINDOW } from './flood.ts';
import type { Part } from './part.ts';

const HEALTHY = 20;
const STALLED = 100;
/** Long enough for the kernel's buffers of the stalled ones to be full, so that the rest is the server's. */
const WARM_MS = 3000;
const SAMPLES = 7;

export const stalledPart: Part = {
  name: 'stalled',
  async run({ redis, redisUrl, options, say }) {
    const contender = CONTENDERS.find(({ letter }) => letter === 'D');
    if (contender === undefined) return [];
    say(`stalled: ${STALLED} viewers that do not read, beside ${HEALTHY} that do`);
    const inspector = await createInspector();
    await using server = await contender.start({ redisUrl, nodeFlags: inspector.nodeFlags });
    const { feed, target } = await contender.stage(redis);
    const targets = (count: number) => Array.from({ length: count }, () => target(server.port));
    await using healthy = await Load.open({ targets: targets(HEALTHY), workers: options.workers });
    await warmUp(feed, healthy);
    const pace = flood(feed, healthy, { batch: options.batch, window: FLOOD_WINDOW });
    const held = async (): Promise<number> => {
      const samples: number[] = [];
      for (let i = 0; i < SAMPLES; i += 1) {
        samples.push(await inspector.heldBytes());
        await delay(50);
      }
      return median(samples);
    };
    await delay(WARM_MS);
    const before = await measureCost(server.pid, healthy, options.seconds);
    const heldBefore = await held();
    await using stalled = await Load.open({ targets: targets(STALLED), workers: 1, stalled: true });
    await delay(WARM_MS);
    const during = await measureCost(server.pid, healthy, options.seconds);
    const heldDuring = await held();
    const last = await pace.stop();
    await healthy.complete(last, COMPLETE_MS);
    const behind = last - stalled.last;
    stalled.stall(false);
    await stalled.complete(last, COMPLETE_MS);
    return [
      {
        title: `${STALLED} stalled viewers beside ${HEALTHY} others (afterwards they got every line)`,
        rows: [
          {
            stalledViewers: STALLED,
            linesBehind: behind,
            kilobytesEach: (heldDuring - heldBefore) / 1000 / STALLED,
            othersBefore: before.linesPerSecond,
            othersDuring: during.linesPerSecond,
            slowerPercent: 100 * (1 - during.linesPerSecond / before.linesPerSecond),
            cpuMicrosPerLineBefore: before.cpuMicrosPerLine,
            cpuMicrosPerLineDuring: during.cpuMicrosPerLine,
            residentMbBefore: before.residentMb,
            residentMbDuring: during.residentMb,
          },
        ],
      },
    ];
  },
};
