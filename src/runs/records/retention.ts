/** The TTL of what a finished run leaves. */
import type { Redis } from 'ioredis';
import type { RunId } from '../../domain/ids.ts';
import { executorKeys, fixedKey } from '../../wire/keys.ts';
import { Script } from '../../wire/scripts/script.ts';
import { RETAIN } from '../../wire/scripts/writeScripts.ts';

const script = new Script(RETAIN);

/**
 * Gives all keys of the runs their TTL, for runs that have ended or lost their record. The last append gives one to the keys
 * that executors can write; those could be changed since. Safe to repeat. @throws the connection's error
 */
export const retain = async (redis: Redis, ids: readonly RunId[]): Promise<void> => {
  await Promise.all(ids.map((id) => script.run(redis, [fixedKey(id), ...executorKeys(id)], [])));
};
