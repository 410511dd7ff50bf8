/** Set-up of each container test file: it waits until no other file uses its engine, since some measure all of it. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, inject } from 'vitest';

const RETRY_MS = 50;
/** Long: it only ends a wait that would hang. */
const LONGEST_MS = 600_000;
const engine = inject('engine');
let held: Server | null = null;

/** The lock is an abstract socket (unix(7)): the kernel frees it if the process dies. Null while another holds it. */
const tryLock = async (socketPath: string): Promise<Server | null> => {
  const server = createServer().listen(`\0${socketPath}.lock`);
  return await once(server, 'listening').then(
    () => server,
    () => null,
  );
};

beforeAll(async () => {
  if (engine === null) return;
  held = await tryLock(engine.socketPath);
  while (held === null) {
    await delay(RETRY_MS);
    held = await tryLock(engine.socketPath);
  }
}, LONGEST_MS);
afterAll(() => {
  held?.close();
});
