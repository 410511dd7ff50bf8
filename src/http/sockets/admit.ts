/** Lets the caller of a WebSocket in, and closes the socket when its token ceases to be valid. */
import { CloseCode, type Context } from 'graphql-ws';
import { Unauthenticated } from '../../domain/errors.ts';
import { TokenRefused } from '../../identity/tokenRefused.ts';
import { type Admission, awaitCaller } from '../exchange/callerOf.ts';
import type { Close } from './clientMessage.ts';
import type { SocketExtra } from './operations.ts';

const UNAUTHORIZED: Close = { code: CloseCode.Unauthorized, reason: 'Unauthorized' };
const EXPIRED: Close = { code: CloseCode.Forbidden, reason: 'Token expired' };

/** For `onConnect` of graphql-ws. False: the socket has been closed. While Redis is away it waits. */
export const admit = async (
  { extra, connectionParams }: Context<Record<string, unknown>, SocketExtra>,
  { authenticator, sessions }: Admission,
): Promise<boolean> => {
  const { headers, address, closed } = extra;
  try {
    extra.caller = await awaitCaller(
      authenticator,
      { headers, connectionParams: connectionParams ?? null, address },
      closed,
    );
  } catch (error) {
    if (closed.aborted) return false;
    if (!(error instanceof Unauthenticated)) throw error;
    extra.close(error instanceof TokenRefused && error.fault === 'expired' ? EXPIRED : UNAUTHORIZED);
    return false;
  }
  if (closed.aborted) return false;
  const leave = sessions.open(extra.caller, (why) => extra.close(why === 'expired' ? EXPIRED : UNAUTHORIZED));
  closed.addEventListener('abort', leave, { once: true });
  return true;
};
