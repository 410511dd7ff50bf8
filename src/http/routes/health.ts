/** /health/live and /health/ready. */
import { type Exchange, onlyMethods, sendJson } from '../exchange/respond.ts';

/** Why the service is not ready, in one sentence; null if it is ready. */
export type Readiness = () => Promise<string | null>;

export const serveLive = (exchange: Exchange): void => {
  if (onlyMethods(exchange, 'GET', 'HEAD')) sendJson(exchange, 200, JSON.stringify({ status: 'live' }));
};

export const serveReady = async (exchange: Exchange, ready: Readiness, warning: () => string | null): Promise<void> => {
  if (!onlyMethods(exchange, 'GET', 'HEAD')) return;
  const reason = await ready().catch(() => 'The readiness check failed. See the log of the service.');
  if (reason === null) sendJson(exchange, 200, JSON.stringify({ status: 'ready', warning: warning() ?? undefined }));
  else sendJson(exchange, 503, JSON.stringify({ status: 'unready', reason }));
};
