/** Where the service listens, and why it cannot. */
import { createServer } from 'node:net';
import { EXIT, StartFailure } from './startFailure.ts';

interface Address {
  readonly host: string;
  readonly port: number;
}

/** What to open in a browser. */
export const baseUrl = (scheme: 'http' | 'ws', { host, port }: Address): string =>
  `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;

/** A look before anything is started, since a start takes time. The port can still be taken later. @throws StartFailure */
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

/** What listening threw, as a line for the operator. */
export const portFailure = (error: unknown, { host, port }: Address): StartFailure => {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `Port ${port} on ${host} is in use: end what listens there, or set PORT`,
    EACCES: `Port ${port} needs rights that this user has not got: set PORT`,
    EADDRNOTAVAIL: `HOST ${host} is no address of this machine`,
    ENOTFOUND: `HOST ${host} is not known`,
  };
  return new StartFailure(
    reasons[code] ?? `HOST ${host} and PORT ${port} cannot be used: ${code}`,
    EXIT.unavailable,
    error,
  );
};
