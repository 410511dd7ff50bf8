/** A unix socket in front of Redis. On demand it lets a request through and closes the connection before the reply. */

import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface CuttingProxy extends AsyncDisposable {
  readonly url: string;
  /** Replies lost so far. */
  readonly cuts: () => number;
}

/** Each `every`-th request that contains `marker` loses its reply. */
export const startCuttingProxy = async (target: string, marker: string, every: number): Promise<CuttingProxy> => {
  const directory = await mkdtemp(join(tmpdir(), 'rl-proxy-'));
  const path = join(directory, 'redis.sock');
  const sockets = new Set<Socket>();
  let seen = 0;
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(target);
    let deaf = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        if (!deaf) upstream.destroy();
      });
    }
    client.on('data', (chunk) => {
      if (deaf) return;
      upstream.write(chunk);
      if (!chunk.includes(marker)) return;
      seen += 1;
      deaf = seen % every === 0;
    });
    upstream.on('data', (chunk) => {
      if (!deaf) {
        client.write(chunk);
        return;
      }
      // Redis has replied, so the command was executed.
      cuts += 1;
      client.destroy();
      upstream.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    url: `unix://${path}`,
    cuts: () => cuts,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true });
    },
  };
};
