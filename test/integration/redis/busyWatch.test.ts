/** A script that blocks Redis is ended, and the service says that it is not ready in that time. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startRun } from '../../support/clients/client.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { untilEnd } from '../../support/runs/lifecycle.ts';
import { type DataDirectory, dataDirectory, type StartedService, spawnService } from '../../support/startedService.ts';

const WAIT = { timeout: 60_000, interval: 100 };
let server: TestRedis;
let data: DataDirectory;
let service: StartedService;
let url: string;
let attacker: Redis;
beforeAll(async () => {
  // Not 5 s, for the sake of the suite: the watch acts when Redis answers BUSY.
  server = await startRedis({ config: ['--busy-reply-threshold', '1500'] });
  data = await dataDirectory();
  service = spawnService({ env: { REDIS_URL: server.url, DATA_DIR: data.path, LOG_LEVEL: 'info' } });
  url = await service.address();
  attacker = await server.connect();
}, 60_000);
afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await data?.[Symbol.asyncDispose]();
  await server?.stop();
});

const logged = (text: string): number => service.out().split(text).length - 1;
const ready = async (): Promise<unknown> => (await fetch(`${url}/health/ready`)).json();

test('R5: a script that blocks Redis is ended, a function too, and runs go on', async () => {
  const loop = attacker.eval('while true do end', 0);
  await expect(loop).rejects.toThrow(/killed/i);
  await vi.waitUntil(() => logged('ended a script that blocked Redis') === 1, WAIT);
  const library = "#!lua name=x\nredis.register_function('f', function() while true do end end)";
  await vi.waitUntil(async () => (await attacker.call('FUNCTION', 'LOAD', library).catch(() => null)) !== null, WAIT);
  await expect(attacker.call('FCALL', 'f', 0)).rejects.toThrow(/killed/i);
  await vi.waitUntil(() => logged('ended a script that blocked Redis') === 2, WAIT);
  await vi.waitFor(async () => expect(await ready()).toEqual({ status: 'ready' }), WAIT);
  const id = await startRun(url, { command: ['echo', 'hello'] });
  expect((await untilEnd(url, id)).status).toBe('COMPLETED');
}, 90_000);

test('R5: a script that has written cannot be ended: the log and /health/ready say it until Redis is restarted', async () => {
  const loop = attacker.eval("redis.call('SET', KEYS[1], 'x') while true do end", 1, 'written');
  loop.catch(() => undefined);
  const unready = { status: 'unready', reason: 'Redis is blocked by a script (BUSY).' };
  await vi.waitFor(async () => expect(await ready()).toEqual(unready), WAIT);
  await vi.waitUntil(() => logged('could not be ended') === 1, WAIT);
  expect(service.out()).toContain('UNKILLABLE');
}, 90_000);
