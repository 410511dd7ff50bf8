/** Checks messages of graphql-transport-ws clients before graphql-ws gets them (PROTOCOL.md, S6). */
import { CloseCode, MessageType } from 'graphql-ws';
import { LIMITS } from '../../domain/limits.ts';
import { JsonTooDeep, parseJson } from '../exchange/boundedJson.ts';

/** How a WebSocket is closed. A reason has at most 123 bytes (RFC 6455, 5.5). */
export interface Close {
  readonly code: number;
  readonly reason: string;
}

/** The type of a message and the id of its operation, or how to close the WebSocket because of it. */
export type ClientMessage =
  | { readonly type: MessageType; readonly id: string | null; readonly close: null }
  | { readonly close: Close };

const invalid = (what: string): ClientMessage => ({
  close: { code: CloseCode.BadRequest, reason: `Invalid message received: ${what}` },
});

/** Types that clients can send. Others are only for servers. */
const OF_OPERATIONS: ReadonlySet<unknown> = new Set([MessageType.Subscribe, MessageType.Complete]);
const OF_CONNECTIONS: ReadonlySet<unknown> = new Set([MessageType.ConnectionInit, MessageType.Ping, MessageType.Pong]);

const isId = (id: unknown): id is string =>
  typeof id === 'string' && id !== '' && id.length <= LIMITS.operationIdCharacters;

/** Null if it is not a JSON object. @throws JsonTooDeep */
const parseObject = (text: string): { readonly type?: unknown; readonly id?: unknown } | null => {
  try {
    const value = parseJson(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch (error) {
    if (error instanceof JsonTooDeep) throw error;
    return null;
  }
};

/** Reads only what is decided here; graphql-ws checks the rest, such as `payload`. */
export const readClientMessage = (text: string, acknowledged: boolean): ClientMessage => {
  try {
    const message = parseObject(text);
    if (message === null) return invalid('not a JSON object');
    const { type, id } = message;
    if (OF_CONNECTIONS.has(type)) return { type: type as MessageType, id: null, close: null };
    if (!OF_OPERATIONS.has(type)) return invalid('a client cannot send this type');
    if (!isId(id)) return invalid(`id must be a string of 1 to ${LIMITS.operationIdCharacters} characters`);
    if (!acknowledged) return { close: { code: CloseCode.Unauthorized, reason: 'Unauthorized' } };
    return { type: type as MessageType, id, close: null };
  } catch {
    return invalid('JSON nested too deeply');
  }
};
