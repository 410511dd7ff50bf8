/** Lets the caller of a WebSocket in, and closes the socket when its token ceases to be valid. */
import { CloseCode, type Context } from 'graphql-ws';
import { pause } from '../../async/pause.ts';
import { ShareUsedUp, Unauthenticated } from '../../domain/errors.ts';
import { LIMITS } from '../../domain/limits.ts';
import { TokenRefused } from '../../identity/tokenRefused.ts';
import type { ClientLimits } from '../../limits/clientLimits.ts';
import { clientOf } from '../../limits/who.ts';
import { type Admission, awaitCaller } from '../exchange/callerOf.ts';
import type { Close } from './clientMessage.ts';
import type { SocketExtra } from './operations.ts';

const UNAUTHORIZED: Close = { code: CloseCode.Unauthorized, reason: 'Unauthorized' };
const EXPIRED: Close = { code: CloseCode.Forbidden, reason: 'Token expired' };

const freeAtClose = (free: () => void, closed: AbortSignal): void => {
  if (closed.aborted) free();
  else closed.addEventListener('abort', free, { once: true });
};

/** Closes the socket, after a pause as for HTTP. The end of the reason is for clients (packages/client/src/reconnection.ts). */
const refuse = async (extra: SocketExtra, { what, retryAfterSeconds }: ShareUsedUp): Promise<false> => {
  await pause(LIMITS.refusalMs, extra.closed).catch(() => undefined);
  const reason = `${what.replace(/\.$/, '')}: retry after ${retryAfterSeconds} s`;
  if (!extra.closed.aborted) extra.close({ code: CloseCode.TooManyInitialisationRequests, reason });
  return false;
};

/** For `onConnect` of graphql-ws. False: the socket has been closed. While Redis is away it waits. */
export const admit = async (
  { extra, connectionParams }: Context<Record<string, unknown>, SocketExtra>,
  { authenticator, sessions }: Admission,
  limits: ClientLimits | undefined,
): Promise<boolean> => {
  const { headers, address, closed } = extra;
  try {
    extra.caller = await awaitCaller(
      authenticator,
      { headers, connectionParams: connectionParams ?? null, address },
      closed,
    );
    extra.client = clientOf(address, extra.caller);
    limits?.requestOf(extra.client, 0);
    const place = limits?.socket(extra.client) ?? null;
    if (place !== null) freeAtClose(await place, closed);
  } catch (error) {
    if (closed.aborted) return false;
    if (error instanceof ShareUsedUp) return await refuse(extra, error);
    if (!(error instanceof Unauthenticated)) throw error;
    extra.close(error instanceof TokenRefused && error.fault === 'expired' ? EXPIRED : UNAUTHORIZED);
    return false;
  }
  if (closed.aborted) return false;
  const leave = sessions.open(extra.caller, (why) => extra.close(why === 'expired' ? EXPIRED : UNAUTHORIZED));
  closed.addEventListener('abort', leave, { once: true });
  return true;
};
