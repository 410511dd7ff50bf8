/** /runs/:id/log.txt and log.ndjson: a run's log up to its current end, page by page, as fast as the client reads. */
import { clipBetween } from '../../domain/clip.ts';
import { RUN_NOT_FOUND } from '../../domain/errors.ts';
import { isCommandLine, type RunEvent, type Seq } from '../../domain/events.ts';
import { parseRunId, type RunId } from '../../domain/ids.ts';
import { isAllowed, refusalOf } from '../../identity/policy.ts';
import type { LogEntry, LogReader } from '../../log/viewer.ts';
import type { RunsFor } from '../../runs/records/runs.ts';
import {
  type CallersExchange,
  drained,
  type Exchange,
  errorBody,
  type HttpError,
  onlyMethods,
  sendError,
  sendJson,
} from '../exchange/respond.ts';
import { STREAM_HEADERS } from '../exchange/securityHeaders.ts';
import { eventJson } from './eventJson.ts';

/** Entries of one read: what a download holds in memory. An entry is at most LIMITS.appendBytes. */
const READ_ENTRIES = 8;
/** The largest seq, and so the largest `after`. */
const MAX_SEQ = 2 ** 31 - 1;
const PATH = /^\/runs\/([^/]+)\/log\.(txt|ndjson)$/;

const TYPES = { txt: 'text/plain; charset=utf-8', ndjson: 'application/x-ndjson; charset=utf-8' } as const;
type Format = keyof typeof TYPES;

/** Run and format of the path; null if it is not the path of a download. */
export const downloadOf = (path: string): { readonly id: string; readonly format: Format } | null => {
  const [, id, format] = PATH.exec(path) ?? [];
  return id === undefined || format === undefined ? null : { id, format: format as Format };
};

/** Null if not given; undefined if it is not a valid seq. */
const afterOf = (url: URL): Seq | null | undefined => {
  const given = url.searchParams.getAll('after');
  const [text] = given;
  if (text === undefined) return null;
  if (given.length > 1 || !/^\d{1,10}$/.test(text)) return undefined;
  const after = Number(text);
  return after <= MAX_SEQ ? after : undefined;
};

export interface Downloads {
  readonly reader: LogReader;
  readonly runsFor: RunsFor;
  streams(exchange: CallersExchange): void;
}

/** How many unknown parameters the error names, and how many characters of each. */
const NAMED = 5;
const NAMED_CHARACTERS = 50;

/** The error for unknown parameters, with the first of them; null if there is none. */
const unknownParameters = (url: URL): { readonly message: string; readonly argument: string } | null => {
  const unknown = [...new Set(url.searchParams.keys())].filter((name) => name !== 'after');
  const names = unknown.slice(0, NAMED).map((name) => name.slice(0, NAMED_CHARACTERS));
  const [argument] = names;
  if (argument === undefined) return null;
  const list = names.map((name) => JSON.stringify(name)).join(', ');
  const more = unknown.length > NAMED ? ' and more' : '';
  return { message: `Unknown parameter: ${list}${more}. The only parameter is "after".`, argument };
};

const NO_SUCH_RUN: HttpError = { status: 404, code: 'NOT_FOUND', message: RUN_NOT_FOUND };

const badAfter = (message: string): string => errorBody('BAD_USER_INPUT', message, { argument: 'after' });

/** @throws what the reader throws. If the response has begun, the caller must cut it, so that it is not taken as complete. */
export const serveDownload = async (
  exchange: CallersExchange,
  { id, format }: { readonly id: string; readonly format: Format },
  { reader, runsFor, streams }: Downloads,
): Promise<void> => {
  if (!onlyMethods(exchange, 'GET', 'HEAD')) return;
  const right = `GET /runs/:id/log.${format}` as const;
  const { caller } = exchange;
  if (!isAllowed(caller, right)) {
    const { code, message } = refusalOf(caller, right);
    return sendError(exchange, { status: 403, code, message });
  }
  const unknown = unknownParameters(exchange.url);
  if (unknown !== null) {
    const { message, argument } = unknown;
    return sendJson(exchange, 400, errorBody('BAD_USER_INPUT', message, { argument }));
  }
  const after = afterOf(exchange.url);
  if (after === undefined) {
    return sendJson(exchange, 400, badAfter(`after must be one whole number from 0 to ${MAX_SEQ}.`));
  }
  const runId = parseRunId(id);
  const run = runId === null ? null : await runsFor(caller).get(runId);
  let page = runId === null || run === null ? null : await reader.forward(runId, after ?? 0, READ_ENTRIES);
  if (runId === null || page === null) return sendError(exchange, NO_SUCH_RUN);
  const end = page.lastSeq;
  if (page.closed && (after ?? 0) > end) {
    return sendJson(
      exchange,
      400,
      badAfter(`The run has ended and its last seq is ${end}. Use an after of at most ${end}.`),
    );
  }
  const { request, response, cors } = exchange;
  response.writeHead(200, {
    ...STREAM_HEADERS,
    ...cors,
    'Content-Type': TYPES[format],
    'Content-Disposition': `inline; filename="${runId}.${format === 'txt' ? 'log' : 'ndjson'}"`,
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  streams(exchange);
  for (let position = after ?? 0; position < end && page !== null; ) {
    const reached = page.entries.at(-1)?.lastSeq ?? end;
    for (const entry of page.entries) {
      const text = entryText(runId, entry.events(), { after: position, end }, format);
      if (text !== '' && !response.write(text)) await taken(exchange, page.entries);
      if (response.destroyed) return;
    }
    position = reached;
    if (position < end) page = await reader.forward(runId, position, READ_ENTRIES);
  }
  // The run was removed meanwhile. The response is not complete and must not look complete.
  if (page === null) response.destroy();
  else response.end();
};

/** Waits until the client has read what was written. Cuts the client if no more memory is allowed to wait for it. */
const taken = async ({ response, backlog }: Exchange, entries: readonly LogEntry[]): Promise<void> => {
  const release = backlog.hold(entries.reduce((sum, { size }) => sum + size, 0));
  if (release === null) response.destroy();
  await drained(response);
  release?.();
};

interface Range {
  /** Exclusive. */
  readonly after: Seq;
  /** Inclusive. */
  readonly end: Seq;
}

const entryText = (runId: RunId, events: readonly RunEvent[], { after, end }: Range, format: Format): string => {
  let text = '';
  for (const event of events) {
    const clipped = clipBetween(event, after, end + 1);
    if (clipped === null) continue;
    if (format === 'ndjson') text += `${JSON.stringify(eventJson(runId, clipped))}\n`;
    else if (clipped.kind === 'LogLine' && isCommandLine(clipped)) text += `${clipped.message}\n`;
  }
  return text;
};
