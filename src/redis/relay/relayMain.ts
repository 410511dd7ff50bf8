/** The relay's own process (relay.ts starts it). Its one argument is RelayArguments as JSON. */
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

/** pipeline() reads only as fast as the other side takes, so what waits in here is a stream's buffer a side. */
const carry = async (near: Socket): Promise<void> => {
  const far = dial(target);
  try {
    await Promise.all([pipeline(near, far), pipeline(far, near)]);
  } catch {
    // Either side's loss is the other's: Redis and ioredis both know what to do with it.
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
  // Redis is dialled for who speaks; a service that only looks whether the relay is there costs it nothing.
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

// What lies there is of a relay that was killed: the lock says that none lives.
rmSync(socketPath, { force: true });
server.listen(socketPath, () => {
  void chmod(socketPath, 0o770);
});
