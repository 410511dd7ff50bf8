/** The address at which the service listens, and what to do where it cannot. */
import { createServer } from 'node:net';
import { EXIT, StartFailure } from './startFailure.ts';

interface Address {
  readonly host: string;
  readonly port: number;
}

/** The address as a URL. */
export const baseUrl = (scheme: 'http' | 'ws', { host, port }: Address): string =>
  `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;

/** A check before the start, which takes time. The port can still be taken afterwards. @throws StartFailure */
export const assertPortFree = async (address: Address): Promise<void> => {
  const probe = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject);
      probe.listen({ host: address.host, port: address.port, exclusive: true }, resolve);
    });
  } catch (error) {
    throw portFailure(error, address);
  } finally {
    probe.close();
  }
};

/** The error of `listen` as a line for the operator. */
export const portFailure = (error: unknown, { host, port }: Address): StartFailure => {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `Port ${port} on ${host} is in use. Stop the program that listens there, or set PORT.`,
    EACCES: `This user is not permitted to listen on port ${port}. Set PORT to 1024 or more.`,
    EADDRNOTAVAIL: `HOST ${host} is not an address of this machine. Set HOST to one of its addresses.`,
    ENOTFOUND: `The name in HOST, ${host}, was not found. Set HOST to an address of this machine.`,
  };
  const other = `Could not listen on HOST ${host} and PORT ${port}: ${code}. Set HOST or PORT.`;
  return new StartFailure(reasons[code] ?? other, EXIT.unavailable, error);
};
