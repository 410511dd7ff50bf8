/** An operator's Redis with appendfsync everysec, on a machine that loses power and comes back. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { identify } from '../../../src/system/processIdentity.ts';
import { type FsyncRecorder, loseUnsynced, makeFsyncRecorder } from '../../faults/stack/powerLoss.ts';
import { startRedis, type TestRedis } from './redis.ts';

const EVERYSEC = ['--appendonly', 'yes', '--appendfsync', 'everysec'];

export interface EverysecRedis extends AsyncDisposable {
  /** The present server; url and directory stay the same after a restart. */
  readonly server: TestRedis;
  /** Everything written so far is on disk. From now on the disk stalls: nothing is synced until the next start. */
  stall(): Promise<void>;
  /** Loses power: what was not synced is lost. Redis stays off until `start`. */
  lose(): Promise<void>;
  start(): Promise<void>;
  /** Whether the file on disk contains this text. */
  holds(text: string): Promise<boolean>;
}

/** @throws NotHere if there is no C compiler */
export const startEverysec = async (): Promise<EverysecRedis> => {
  const recorder: FsyncRecorder = await makeFsyncRecorder();
  const directory = await mkdtemp(join(tmpdir(), 'rl-everysec-'));
  const pathBefore = process.env.PATH;
  process.env.PATH = `${recorder.path}:${pathBefore}`;
  let server = await startRedis({ directory, config: EVERYSEC });
  const servers = [server];
  return {
    get server() {
      return server;
    },
    async stall() {
      const files = join(directory, 'appendonlydir');
      const sizes = async (): Promise<string> => {
        const names = (await readdir(files)).filter((name) => name.endsWith('.synced'));
        return (await Promise.all(names.map((name) => readFile(join(files, name), 'utf8')))).join();
      };
      const before = await sizes();
      const redis = await server.connect();
      await redis.set('written', 'to be synced');
      while ((await sizes()) === before) await delay(5);
      await redis.config('SET', 'appendfsync', 'no');
      redis.disconnect();
    },
    async lose() {
      await loseUnsynced(directory, server.pid);
      // Not with `stop`, which closes the connections to it: those of a service would stay open.
      while (identify(server.pid) !== null) await delay(5);
    },
    async start() {
      server = await startRedis({ directory, config: EVERYSEC });
      servers.push(server);
    },
    async holds(text) {
      const files = join(directory, 'appendonlydir');
      for (const name of await readdir(files)) {
        if (name.endsWith('.aof') && (await readFile(join(files, name))).includes(text)) return true;
      }
      return false;
    },
    async [Symbol.asyncDispose]() {
      for (const one of servers) await one.stop();
      process.env.PATH = pathBefore;
      await rm(directory, { recursive: true, force: true });
      await recorder[Symbol.asyncDispose]();
    },
  };
};
