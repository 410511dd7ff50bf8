import { expect, test } from 'vitest';
import { LIMITS } from '../../../src/domain/limits.ts';
import { readDocument, tableRows } from '../../support/documents.ts';

const page = readDocument('docs/reference/limits.md');
const KIB = 1024;
const MIB = 1024 * KIB;

/** A number in the format of the page. */
const shown = (value: number): string => {
  if (value >= MIB && value % MIB === 0) return `${value / MIB} MiB`;
  if (value > KIB && value % KIB === 0 && value < MIB) return `${value / KIB} KiB`;
  return value.toLocaleString('en');
};

const CALLERS = '## Callers, addresses and tenants';
/** Heading, start of the row, and the limits that the row must show. */
const ROWS: readonly (readonly [string, string, readonly number[]])[] = [
  ['## A request', 'HTTP body', [LIMITS.bodyBytes]],
  ['## A request', 'message of a WebSocket', [LIMITS.messageBytes, LIMITS.bodyBytes, LIMITS.earlyMessageBytes]],
  ['## A request', 'levels of fields', [LIMITS.queryDepth, LIMITS.introspectionDepth]],
  ['## A request', 'aliases', [LIMITS.queryAliases]],
  ['## A request', 'root fields', [LIMITS.queryDirectives]],
  ['## A request', 'fields, and tokens', [LIMITS.queryFields, LIMITS.queryTokens]],
  ['## A request', 'errors of one document', [LIMITS.documentErrors, LIMITS.errorCharacters]],
  ['## A request', 'a name in a document', [LIMITS.queryNameCharacters]],
  ['## A request', 'nesting of JSON', [LIMITS.jsonDepth]],
  ['## A request', 'runs listed', [LIMITS.requestRuns]],
  ['## A request', 'runs read by id', [LIMITS.requestLoads]],
  ['## A request', 'command, input, output', [LIMITS.requestDetailBytes]],
  ['## A request', 'runs looked at for one page', [LIMITS.pageRuns]],
  ['## A request', 'text of runs compared', [LIMITS.pageFilterBytes, LIMITS.requestFilterBytes]],
  ['## A request', 'runs looked at by one request', [LIMITS.requestScan]],
  ['## A request', 'events read', [LIMITS.requestEvents, LIMITS.requestBytes, LIMITS.requestScanBytes]],
  ['## A request', 'entries of a list', [LIMITS.filterEntries, LIMITS.labelCount]],
  ['## A request', 'large answers', [LIMITS.largeAnswerRuns, LIMITS.largeAnswerBytes]],
  ['## A request', 'events of one page', [LIMITS.pageEvents, LIMITS.batchEvents]],
  ['## A request', 'runs of one page', [LIMITS.runsPage]],
  ['## A request', 'runs that one `logs`', [LIMITS.followedRuns, LIMITS.followPositions]],
  ['## A request', 'groups of one', [LIMITS.outlineGroups, LIMITS.histogramBuckets]],
  ['## A request', 'text of `contains`', [LIMITS.containsBytes]],
  ['## A request', '`text` in', [LIMITS.runTextBytes, LIMITS.runTextWords]],
  ['## A request', 'hits of one page', [LIMITS.searchHits, LIMITS.searchContext]],
  ['## A request', 'size of a regular', [LIMITS.patternSize]],
  ['## A request', 'places of one line', [LIMITS.searchRanges]],
  ['## A request', 'bytes and time of all', [LIMITS.requestSearchMs]],
  ['## A request', 'searches of one caller', [LIMITS.searchWaitMs]],
  ['## A run', '`command`', [LIMITS.commandBytes]],
  ['## A run', '`input`', [LIMITS.inputBytes]],
  ['## A run', '`env`', [LIMITS.envCount, LIMITS.envBytes, LIMITS.envNameBytes, LIMITS.envValueBytes]],
  ['## A run', '`labels`', [LIMITS.labelCount, LIMITS.labelNameBytes, LIMITS.labelValueBytes]],
  ['## A run', '`name`', [LIMITS.nameBytes, LIMITS.idempotencyKeyBytes]],
  ['## A run', '`image`', [LIMITS.imageBytes]],
  ['## A run', '`retry`', [LIMITS.maxAttempts, LIMITS.backoffSeconds]],
  ['## A run', '`timeoutSeconds`', [LIMITS.timeoutSeconds]],
  ['## A run', '`reason`', [LIMITS.cancelReasonBytes]],
  [CALLERS, 'runs that a caller', [LIMITS.callerStartsPerMinute, LIMITS.addressStartsPerMinute]],
  [CALLERS, 'requests and messages', [LIMITS.callerMessagesPerSecond]],
  [CALLERS, 'cost of documents', [LIMITS.callerCostPerMinute]],
  [CALLERS, 'different wrong tokens', [LIMITS.failedLoginsPerMinute]],
  [CALLERS, 'WebSockets of a caller', [LIMITS.socketsPerCaller]],
  [CALLERS, 'subscriptions of a caller', [LIMITS.subscriptionsPerCaller]],
  [CALLERS, 'cost of one document', [LIMITS.documentCost]],
  [CALLERS, 'runs of a tenant', [LIMITS.queuedRuns]],
  [CALLERS, 'API tokens of a tenant', [LIMITS.apiTokensPerTenant]],
  ['## Connections', 'WebSockets', [LIMITS.socketsPerAddress, LIMITS.sockets]],
  ['## Connections', 'operations', [LIMITS.operationsPerSocket]],
  ['## Connections', 'messages', [LIMITS.messageBurst, LIMITS.messagesPerSecond]],
  ['## Connections', 'requests', [LIMITS.requestsAtOnce]],
  ['## Connections', 'bytes', [LIMITS.waitingPerConnection, LIMITS.waitingPerAddress, LIMITS.waiting]],
];

test.each(ROWS)('the page of limits shows the limits of the code: %s, %s', (heading, beginning, values) => {
  const row = tableRows(page, heading).find(([what]) => what?.startsWith(beginning)) ?? [];
  for (const value of values) expect(row.join(' ')).toContain(shown(value));
});

test('every row of the page is compared with the code', () => {
  const rows = ['## A request', '## A run', CALLERS, '## Connections'].flatMap((heading) =>
    tableRows(page, heading).map(([what = '']) => [heading, what] as const),
  );
  const compared = ([heading, what]: readonly [string, string]): boolean =>
    ROWS.some(([where, beginning]) => where === heading && what.startsWith(beginning));
  // The numbers of this row are compared here, since its unit is MiB.
  const resources = tableRows(page, '## A run')
    .find(([what]) => what === '`resources`')
    ?.join(' ');
  for (const value of [LIMITS.memoryMbMin, LIMITS.memoryMbMax, LIMITS.cpusMin, LIMITS.cpusMax]) {
    expect(resources).toContain(value.toLocaleString('en'));
  }
  expect(rows.filter((row) => !compared(row)).map(([, what]) => what)).toEqual(['`resources`']);
});
