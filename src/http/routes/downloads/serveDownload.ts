/** /runs/:id/log.txt and log.ndjson: a run's log up to its current end, page by page, as fast as the client reads. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { fromTail } from '../../../delivery/filteredTail.ts';
import { BadUserInput, RUN_NOT_FOUND } from '../../../domain/errors.ts';
import { isCommandLine, type Seq } from '../../../domain/events.ts';
import { logFilter, readsMessages } from '../../../domain/filter.ts';
import { parseRunId, type RunId } from '../../../domain/ids.ts';
import { isAllowed, refusalOf } from '../../../identity/policy.ts';
import type { LogPage, LogReader } from '../../../log/viewer.ts';
import type { RunsFor } from '../../../runs/records/runs.ts';
import { peerOf } from '../../../system/network.ts';
import {
  type CallersExchange,
  drained,
  type Exchange,
  errorBody,
  type HttpError,
  left,
  onlyMethods,
  sendError,
  sendInputError,
  sendJson,
} from '../../exchange/respond.ts';
import { STREAM_HEADERS } from '../../exchange/securityHeaders.ts';
import { type ByteRange, byteRange, isCurrent } from './byteRange.ts';
import { cutPieces, type TextPiece, type TextSource, textPieces } from './logPieces.ts';
import { type LogSizes, markBefore } from './logSizes.ts';
import type { Format, SeqRange, TextForm } from './logText.ts';
import { afterTheEnd, type DownloadRequest, isWhole, readParameters } from './parameters.ts';

const PATH = /^\/runs\/([^/]+)\/log\.(txt|ndjson)$/;
const BEYOND_ALL = 2 ** 31;

/** Run and format of the path; null if it is not the path of a download. */
export const downloadOf = (path: string): { readonly id: string; readonly format: Format } | null => {
  const [, id, format] = PATH.exec(path) ?? [];
  return id === undefined || format === undefined ? null : { id, format: format as Format };
};

export interface Downloads {
  readonly reader: LogReader;
  readonly runsFor: RunsFor;
  readonly sizes: LogSizes;
  streams(exchange: CallersExchange): void;
}

const NO_SUCH_RUN: HttpError = { status: 404, code: 'NOT_FOUND', message: RUN_NOT_FOUND };

/** A download that was accepted. */
interface Download {
  readonly asked: DownloadRequest;
  readonly form: TextForm;
  readonly source: TextSource;
  /** The newest entry, and the end of the log at this time. */
  readonly newest: LogPage;
}

/** @throws what the reader throws. If the response has begun, the caller must cut it, so that it is not taken as complete. */
export const serveDownload = async (
  exchange: CallersExchange,
  { id, format }: { readonly id: string; readonly format: Format },
  downloads: Downloads,
): Promise<void> => {
  if (!onlyMethods(exchange, 'GET', 'HEAD')) return;
  const { request, response, url, caller } = exchange;
  const { reader, runsFor } = downloads;
  const right = `GET /runs/:id/log.${format}` as const;
  if (!isAllowed(caller, right)) {
    const { code, message } = refusalOf(caller, right);
    return sendError(exchange, { status: 403, code, message });
  }
  try {
    const asked = readParameters(url);
    const runId = parseRunId(id);
    const run = runId === null ? null : await runsFor(caller).get(runId);
    const newest = runId === null || run === null ? null : await reader.backward(runId, BEYOND_ALL, 1);
    if (runId === null || newest === null) return sendError(exchange, NO_SUCH_RUN);
    if (newest.closed && (asked.after ?? 0) > newest.lastSeq) throw afterTheEnd(newest.lastSeq);
    const source = { reader, client: peerOf(request.socket), signal: left(response) };
    const download = { asked, form: formOf(asked, runId, format), source, newest };
    const etag = format === 'txt' && isWhole(asked) ? etagOf(newest) : null;
    await (etag === null
      ? sendLog(exchange, download, downloads)
      : sendFinished(exchange, download, { ...downloads, etag }));
  } catch (error) {
    if (!(error instanceof BadUserInput) || response.headersSent) throw error;
    sendInputError(exchange, error);
  }
};

const formOf = ({ filter, stripsAnsi, hasTimestamps }: DownloadRequest, runId: RunId, format: Format): TextForm => ({
  runId,
  format,
  filter: logFilter(filter, 'filter'),
  readsMessages: readsMessages(filter),
  stripsAnsi,
  hasTimestamps,
});

/** The digest, where the run has one: a finished log does not change. Null while the run goes on. */
const etagOf = ({ closed, lastSeq, entries: [entry] }: LogPage): string | null => {
  const end = closed ? entry?.events().at(-1) : undefined;
  return end?.kind === 'RunFinished' ? `"${end.digest ?? `seq-${lastSeq}`}"` : null;
};

/** A part of a log, or the log of a run that goes on. */
const sendLog = async (exchange: CallersExchange, download: Download, downloads: Downloads): Promise<void> => {
  const { asked, form, source, newest } = download;
  const end = Math.min(newest.lastSeq, (asked.before ?? BEYOND_ALL) - 1);
  const after = asked.after ?? (asked.tail === null ? 0 : await startOfTail(download, asked.tail, end));
  begin(exchange, download, { status: 200, headers: { 'Accept-Ranges': 'none' } });
  await send(exchange, textPieces(source, { after, end }, form), downloads);
};

/** Where the last `tail` lines of log.txt begin, or events of log.ndjson, of those that the filter selects. */
const startOfTail = async ({ form, source }: Download, tail: number, end: Seq): Promise<Seq> => {
  if (tail === 0) return end;
  const { runId, filter, format } = form;
  const selects: NonNullable<TextForm['filter']>['selects'] = (event) =>
    (format === 'ndjson' || isCommandLine(event)) && filter?.selects(event) !== false;
  const counted = { selects, readsMessages: form.readsMessages };
  const query = { runId, tail, filter: counted, before: end + 1, isBounded: false };
  return (await fromTail(source.reader, query, source.signal)).after ?? 0;
};

/** The whole log.txt of a finished run, or a range of its bytes. */
const sendFinished = async (
  exchange: CallersExchange,
  download: Download,
  finished: Downloads & { readonly etag: string },
): Promise<void> => {
  const { form, source, newest } = download;
  const { etag } = finished;
  const headers = { ETag: etag, 'Accept-Ranges': 'bytes' };
  const whole: SeqRange = { after: 0, end: newest.lastSeq };
  if (isKnown(exchange.request.headers, etag)) {
    exchange.response.writeHead(304, { ...exchange.cors, ...headers }).end();
    return;
  }
  const wanted = exchange.request.method === 'GET' ? exchange.request.headers.range : undefined;
  if (wanted !== undefined && isCurrent(exchange.request.headers['if-range'], etag)) {
    const size = await finished.sizes.of(form.runId, textPieces(source, whole, form), source.signal);
    const range = byteRange(wanted, size.bytes);
    if (range === 'none') return refuseRange(exchange, size.bytes);
    if (range !== 'whole') {
      begin(exchange, download, { status: 206, headers: { ...headers, ...rangeHeaders(range, size.bytes) } });
      const { after, offset } = markBefore(size, range.first);
      return await send(exchange, cutPieces(textPieces(source, { ...whole, after }, form), range, offset), finished);
    }
  }
  begin(exchange, download, { status: 200, headers });
  await send(exchange, textPieces(source, whole, form), finished);
};

/** Whether the client has the content already (If-None-Match). */
const isKnown = (headers: IncomingHttpHeaders, etag: string): boolean =>
  headers['if-none-match']?.split(',').some((known) => known.trim().replace(/^W\//, '') === etag) === true;

const rangeHeaders = ({ first, last }: ByteRange, bytes: number): OutgoingHttpHeaders => ({
  'Content-Range': `bytes ${first}-${last}/${bytes}`,
  'Content-Length': last - first + 1,
});

const refuseRange = (exchange: Exchange, bytes: number): void => {
  const message = `The log has ${bytes} bytes, and none of them is in this range. Ask for a range that begins earlier.`;
  const body = errorBody('BAD_USER_INPUT', message, { argument: 'Range' });
  sendJson(exchange, 416, body, { 'Content-Range': `bytes */${bytes}` });
};

const TYPES = { txt: 'text/plain; charset=utf-8', ndjson: 'application/x-ndjson; charset=utf-8' } as const;
const EXTENSIONS = { txt: 'log', ndjson: 'ndjson' } as const;

/** Sends the headers. Only log.txt is shown by a browser, as plain text; what is not plain text is saved. */
const begin = (
  { response, cors }: Exchange,
  { asked, form: { runId, format } }: Download,
  { status, headers }: { readonly status: number; readonly headers: OutgoingHttpHeaders },
): void => {
  const disposition = asked.isAttachment || format === 'ndjson' ? 'attachment' : 'inline';
  response.writeHead(status, {
    ...STREAM_HEADERS,
    ...cors,
    'Content-Type': TYPES[format],
    'Content-Disposition': `${disposition}; filename="${runId}.${EXTENSIONS[format]}"`,
    ...headers,
  });
};

/** Sends the body as fast as the client reads. */
const send = async (
  exchange: CallersExchange,
  pieces: AsyncIterable<TextPiece>,
  { streams }: Downloads,
): Promise<void> => {
  const { request, response } = exchange;
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  streams(exchange);
  for await (const { text, held } of pieces) {
    if (response.destroyed) return;
    if (!response.write(text)) await taken(exchange, held);
  }
  response.end();
};

/** Waits until the client has read what was written. Cuts the client if no more memory is allowed to wait for it. */
const taken = async ({ response, backlog }: Exchange, held: number): Promise<void> => {
  const release = backlog.hold(held);
  if (release === null) response.destroy();
  await drained(response);
  release?.();
};
