/** Reads the body of a request as JSON, up to a bound. */
import type { IncomingMessage } from 'node:http';
import { workTurn } from '../../async/workTurn.ts';
import type { Holding, Release } from '../../delivery/sinks/backlog.ts';
import { type ErrorCode, Refusal } from '../../domain/errors.ts';
import { LIMITS } from '../../domain/limits.ts';
import { peerOf } from '../../system/network.ts';
import { JsonTooDeep, parseJson } from './boundedJson.ts';

/** The body or the parameters of a request are not accepted. `status` is for HTTP, `code` is that of the API. */
export class BodyError extends Refusal {
  override readonly name = 'BodyError';
  readonly status: number;
  readonly code: ErrorCode;
  constructor(status: number, code: ErrorCode, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Bytes of the body; the most that is accepted where the request does not say how many. */
export const bodyBytes = ({ method, headers }: IncomingMessage): number => {
  if (headers['transfer-encoding'] !== undefined) return LIMITS.bodyBytes;
  return method === 'GET' ? 0 : Math.min(Number(headers['content-length'] ?? 0), LIMITS.bodyBytes);
};

export type JsonObject = Readonly<Record<string, unknown>>;

const tooLarge = (): BodyError =>
  new BodyError(413, 'LIMIT_EXCEEDED', `The body is too large: at most ${LIMITS.bodyBytes} bytes.`);

/** Only JSON is accepted. So a form of a web page, which can be sent without a preflight, is refused. */
const isJson = (request: IncomingMessage): boolean => {
  const [type, ...parameters] = (request.headers['content-type'] ?? '').toLowerCase().split(';');
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('charset='));
  return (
    (type?.trim() === 'application/json' || type?.trim() === 'application/graphql+json') &&
    (charset === undefined || /^charset="?utf-8"?$/.test(charset))
  );
};

/**
 * Reads and parses the body. After an error the caller must answer and close the connection.
 * @throws BodyError; Error if the client leaves
 */
export const readJsonObject = async (request: IncomingMessage, backlog: Holding): Promise<JsonObject> => {
  const encoding = request.headers['content-encoding'];
  if (!isJson(request) || (encoding !== undefined && encoding !== 'identity')) {
    throw new BodyError(415, 'BAD_REQUEST', 'Unsupported body. Send application/json in UTF-8, not compressed.');
  }
  if (Number(request.headers['content-length'] ?? 0) > LIMITS.bodyBytes) throw tooLarge();
  const bytes = await readBytes(request, backlog);
  const turn = workTurn(peerOf(request.socket));
  if (turn !== null) await turn;
  const parsed = parse(decode(bytes));
  if (Array.isArray(parsed))
    throw new BodyError(400, 'BAD_REQUEST', 'Batching is not supported. Send one operation per request.');
  if (typeof parsed !== 'object' || parsed === null) {
    throw new BodyError(400, 'BAD_REQUEST', 'The body must be a JSON object.');
  }
  return parsed as JsonObject;
};

/** A smaller body is not counted. */
const SMALL_BYTES = 16 * 1024;
const TOO_MANY = 'Too many large requests are being received. Try again in a moment.';

/** Received bytes are counted like bytes that wait for clients: clients that stall are cut to make room. */
const readBytes = async (request: IncomingMessage, backlog: Holding): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let size = 0;
  let release: Release | null = null;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > LIMITS.bodyBytes) throw tooLarge();
      if (size > SMALL_BYTES) release ??= backlog.hold(Number(request.headers['content-length'] ?? LIMITS.bodyBytes));
      if (size > SMALL_BYTES && release === null) throw new BodyError(503, 'LIMIT_EXCEEDED', TOO_MANY);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    release?.();
  }
};

const decode = (bytes: Buffer): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new BodyError(400, 'BAD_REQUEST', 'The body is not valid UTF-8.');
  }
};

const parse = (text: string): unknown => {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof JsonTooDeep) throw new BodyError(400, 'LIMIT_EXCEEDED', error.message);
    throw new BodyError(400, 'BAD_REQUEST', 'The body is not valid JSON.');
  }
};
