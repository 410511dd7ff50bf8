/** The relay's process, started by relay.ts. Its only argument is RelayArguments as JSON. */
import { rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { connect as connectTls } from 'node:tls';
import type { RelayArguments, RelayTarget } from './relay.ts';

/** Above this, connections are refused; a run has two. */
const CONNECTIONS_MAX = 4096;

const { socketPath, target, idleMs } = JSON.parse(process.argv[2] ?? '') as RelayArguments;

const dial = ({ socketPath: path, host, port, tls }: RelayTarget): Socket => {
  if (path !== null) return connect({ path, allowHalfOpen: true });
  return tls ? connectTls({ host, port, servername: host }) : connect({ host, port, allowHalfOpen: true });
};

/** pipeline() reads as fast as the other side accepts, so at most one stream buffer waits for each direction. */
const carry = async (near: Socket): Promise<void> => {
  const far = dial(target);
  try {
    await Promise.all([pipeline(near, far), pipeline(far, near)]);
  } catch {
    // If one side is lost, the other is closed: Redis and ioredis handle it.
  } finally {
    near.destroy();
    far.destroy();
  }
};

let lastUse = Date.now();
let live = 0;

const server = createServer({ allowHalfOpen: true }, (near) => {
  lastUse = Date.now();
  live += 1;
  near.once('close', () => {
    live -= 1;
    lastUse = Date.now();
  });
  near.on('error', () => near.destroy());
  // Connect to Redis only when bytes arrive: a service that checks the relay sends none.
  near.once('readable', () => {
    if (near.readableLength === 0) near.destroy();
    else void carry(near);
  });
});
server.maxConnections = CONNECTIONS_MAX;

const end = (): void => {
  rmSync(socketPath, { force: true });
  process.exit(0);
};
process.on('SIGTERM', end);
setInterval(
  () => {
    if (live === 0 && Date.now() - lastUse > idleMs) end();
  },
  Math.min(idleMs / 4, 10_000),
);

// A socket here belongs to a relay that was killed: this process holds the lock.
rmSync(socketPath, { force: true });
server.listen(socketPath, () => {
  void chmod(socketPath, 0o770);
});
