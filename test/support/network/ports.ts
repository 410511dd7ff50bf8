/** Ports for servers that cannot choose one themselves. */
import { type AddressInfo, createServer } from 'node:net';

/** A loopback port that is free at this moment. */
export const freePort = async (): Promise<number> => {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
};
