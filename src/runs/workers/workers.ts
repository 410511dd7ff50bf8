/**
 * Which processes start runs, and what their launchers can do. Each worker shows itself in Redis every 5 s, so processes
 * that only serve (ROLE=api) know whether runs can start.
 */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { z } from 'zod';
import { interval } from '../../async/interval.ts';
import type { Launcher } from '../../launchers/launcher.ts';
import { replies } from '../records/fields.ts';

const SHOW_EVERY_MS = 5000;
/** A worker that has not shown itself for so long counts as gone. */
const GONE_MS = 20_000;
/** Set: names of workers. */
const NAMES = 'runloom:workers';
const keyOf = (name: string): string => `runloom:worker:${name}`;

/** What other processes know of a worker's launcher. */
const facts = z.object({
  defaultImage: z.string(),
  enforces: z.object({ memory: z.boolean(), cpus: z.boolean() }),
});
export type WorkerFacts = Readonly<z.infer<typeof facts>>;

/** Shows this process as a worker until `close`, which removes it at once. Both never throw. */
export const showWorker = (
  { redis, log }: { readonly redis: Redis; readonly log: Logger },
  name: string,
  launcher: Pick<Launcher, 'defaultImage' | 'enforces'>,
): { close(): Promise<void> } => {
  const show = async (): Promise<void> => {
    const { defaultImage, enforces } = launcher;
    await redis.set(keyOf(name), JSON.stringify({ defaultImage, enforces }), 'PX', GONE_MS);
    await redis.sadd(NAMES, name);
  };
  const showOnce = (): Promise<void> =>
    show().catch((error: unknown) => log.debug({ err: error }, 'could not show this worker in Redis'));
  void showOnce();
  const stop = interval(showOnce, SHOW_EVERY_MS);
  return {
    close: async () => {
      stop();
      await Promise.allSettled([redis.del(keyOf(name)), redis.srem(NAMES, name)]);
    },
  };
};

/** The workers that live. Forgets those that are gone. @throws the connection's error */
export const livingWorkers = async (redis: Redis): Promise<readonly WorkerFacts[]> => {
  const names = await redis.smembers(NAMES);
  if (names.length === 0) return [];
  const pipeline = redis.pipeline();
  for (const name of names) pipeline.get(keyOf(name));
  const texts = replies(await pipeline.exec()) as (string | null)[];
  const gone = names.filter((_, i) => texts[i] === null);
  if (gone.length > 0) await redis.srem(NAMES, ...gone);
  return texts.flatMap((text) => (text === null ? [] : [facts.parse(JSON.parse(text))]));
};
