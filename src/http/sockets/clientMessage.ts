/** What a client may send on a graphql-transport-ws socket, checked before graphql-ws sees it (PROTOCOL.md, S6). */
import { CloseCode, MessageType } from 'graphql-ws';
import { LIMITS } from '../../domain/limits.ts';
import { JsonTooDeep, parseJson } from '../exchange/boundedJson.ts';

/** How a socket is closed; a reason is at most 123 bytes (RFC 6455, 5.5). */
export interface Close {
  readonly code: number;
  readonly reason: string;
}

/** The message's type and, of an operation, its id; or the close that it deserves. */
export type ClientMessage =
  | { readonly type: MessageType; readonly id: string | null; readonly close: null }
  | { readonly close: Close };

const invalid = (what: string): ClientMessage => ({
  close: { code: CloseCode.BadRequest, reason: `Invalid message received: ${what}` },
});

/** Types that only a server sends are not among them. */
const OF_OPERATIONS: ReadonlySet<unknown> = new Set([MessageType.Subscribe, MessageType.Complete]);
const OF_CONNECTIONS: ReadonlySet<unknown> = new Set([MessageType.ConnectionInit, MessageType.Ping, MessageType.Pong]);

const isId = (id: unknown): id is string =>
  typeof id === 'string' && id !== '' && id.length <= LIMITS.operationIdCharacters;

/** Null: it is no JSON object. @throws JsonTooDeep */
const parseObject = (text: string): { readonly type?: unknown; readonly id?: unknown } | null => {
  try {
    const value = parseJson(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch (error) {
    if (error instanceof JsonTooDeep) throw error;
    return null;
  }
};

/** Reads as much of it as is decided on here; the rest, such as `payload`, is graphql-ws' matter. */
export const readClientMessage = (text: string, acknowledged: boolean): ClientMessage => {
  try {
    const message = parseObject(text);
    if (message === null) return invalid('it is no JSON object');
    const { type, id } = message;
    if (OF_CONNECTIONS.has(type)) return { type: type as MessageType, id: null, close: null };
    if (!OF_OPERATIONS.has(type)) return invalid('its type is none of a client');
    if (!isId(id)) return invalid(`its id must be a text of 1 to ${LIMITS.operationIdCharacters} characters`);
    if (!acknowledged) return { close: { code: CloseCode.Unauthorized, reason: 'Unauthorized' } };
    return { type: type as MessageType, id, close: null };
  } catch {
    return invalid('its JSON is nested too deeply');
  }
};
