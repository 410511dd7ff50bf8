/** Sends the compressed files of pages: GraphiQL and the viewer. */
import { type Exchange, sendLarge } from './respond.ts';

/** Null: as it is. */
export type Encoding = 'br' | 'gzip' | null;

export interface PageFile {
  /** Content-Type. */
  readonly type: string;
  readonly etag: string;
  /** Content-Security-Policy. */
  readonly policy: string;
  readonly cacheControl: string;
  /** Headers of the request that the answer depends on, besides Origin and Accept-Encoding. */
  readonly varies?: string;
  /** Called at most once, unless the client has the file. */
  body(encoding: Encoding): Promise<Buffer>;
  /** Bytes of the body that are not shared with other responses. Default: all. */
  readonly own?: number;
}

/** The file in an encoding that the client accepts; 304 if the client has it. @throws what `body` throws */
export const sendPage = async (exchange: Exchange, file: PageFile): Promise<void> => {
  const { request, response, cors } = exchange;
  const headers = {
    ...cors,
    'Cache-Control': file.cacheControl,
    'Content-Security-Policy': file.policy,
    ETag: file.etag,
    Vary: ['Origin, Accept-Encoding', file.varies ?? []].flat().join(', '),
  };
  if (request.headers['if-none-match']?.includes(file.etag)) {
    response.writeHead(304, headers).end();
    return;
  }
  const encoding = encodingFor(String(request.headers['accept-encoding'] ?? ''));
  const body = await file.body(encoding);
  const all = {
    ...headers,
    'Content-Type': file.type,
    'Content-Length': body.length,
    ...(encoding === null ? {} : { 'Content-Encoding': encoding }),
  };
  if (request.method === 'HEAD') response.writeHead(200, all).end();
  else sendLarge(exchange, { status: 200, headers: all, body: [body], own: file.own ?? body.length });
};

const encodingFor = (accepted: string): Encoding => {
  if (/\bbr\b/.test(accepted)) return 'br';
  return /\bgzip\b/.test(accepted) ? 'gzip' : null;
};
