/** What an answer with status 401 means, in close codes of WebSockets. */

/** No valid token. */
export const UNAUTHENTICATED = 4401;
/** The token was valid. */
export const EXPIRED = 4403;

/** Reads a copy of the body. */
export const refusalOf = async (response: Response): Promise<typeof UNAUTHENTICATED | typeof EXPIRED> => {
  const text = await response
    .clone()
    .text()
    .catch(() => '');
  return /has expired/.test(text) ? EXPIRED : UNAUTHENTICATED;
};
