/** What the server answers to requests and sockets that it does not serve. */
import type { Forbidden } from '../domain/errors.ts';
import type { HttpError } from './exchange/respond.ts';
import type { TallyBounds } from './sockets/tally.ts';

export const STOPPING: HttpError = {
  status: 503,
  code: 'UNAVAILABLE',
  message: 'The service is stopping. Try again in a moment.',
};
export const BAD_TARGET: HttpError = {
  status: 400,
  code: 'BAD_REQUEST',
  message: 'The request target is not a valid URL.',
};
export const NO_HOST: HttpError = {
  status: 400,
  code: 'BAD_REQUEST',
  message: 'An HTTP/1.1 request needs a Host header. Send the name of the service in it.',
};
export const TOO_MANY_SOCKETS: HttpError = {
  status: 503,
  code: 'LIMIT_EXCEEDED',
  message: 'Too many WebSockets are open on this server. Try again in a moment.',
};

export const tooManySockets = ({ perAddress }: TallyBounds): HttpError => ({
  status: 429,
  code: 'LIMIT_EXCEEDED',
  message: `Too many WebSockets are open from this address: at most ${perAddress} (MAX_SOCKETS_PER_ADDRESS). Close some first.`,
});

export const forbidden = ({ code, message }: Forbidden): HttpError => ({ status: 403, code, message });
