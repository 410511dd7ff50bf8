import { expect, test } from 'vitest';
import { REDIS_AWAY_MS } from '../../../executor/end/abandoned.ts';
import { LIMITS } from '../../../src/domain/limits.ts';
import { KEEP_ALIVE } from '../../../src/http/sockets/keepAlive.ts';
import { STORE_DEADLINE_MS } from '../../../src/redis/wait.ts';
import { LINGER_MS } from '../../../src/runs/lossyRedis/lossGuard.ts';
import { GUARD_AWAY_MS } from '../../../src/wire/executorOrders.ts';
import { readDocument } from '../../support/documents.ts';
import { promisesOf } from '../../support/promises.ts';

const promises = new Map(
  promisesOf(readDocument('PROTOCOL.md').text).map(({ number, lines }) => [
    number,
    lines.map((line) => line.trim()).join(' '),
  ]),
);
const thousands = (count: number): string => count.toLocaleString('en');
const mib = (bytes: number): string => `${bytes / 1024 ** 2} MiB`;
const seconds = (ms: number): string => `${ms / 1000} s`;

test.each<[string, readonly string[]]>([
  ['W4a', [mib(LIMITS.executorBufferBytes)]],
  ['W4d', [`guard period of ${seconds(LINGER_MS)}`]],
  ['W4e', [`at most ${seconds(GUARD_AWAY_MS)}`]],
  ['W11', [`for ${REDIS_AWAY_MS / 3_600_000} h`]],
  ['W14', [`${thousands(LIMITS.runEvents)} events`]],
  ['J7', [`${LIMITS.batchEvents} events`]],
  ['J7a', [mib(LIMITS.pageBytes)]],
  ['S5b', [`after ${seconds(STORE_DEADLINE_MS)}`]],
  ['S6b', [`${thousands(LIMITS.messageBurst)} messages at once and ${LIMITS.messagesPerSecond} a second`]],
  ['S6c', [`${thousands(LIMITS.socketsPerAddress)} sockets`]],
  ['S6d', [`${thousands(LIMITS.sockets)} sockets`]],
  ['S7a', [`every ${seconds(KEEP_ALIVE.pingMs)}`]],
  ['S7c', [`for ${seconds(KEEP_ALIVE.stalledMs)}`]],
  [
    'S9',
    [
      `${mib(LIMITS.waitingPerConnection)} for a connection`,
      `${mib(LIMITS.waitingPerAddress)} for an address`,
      `${mib(LIMITS.waiting)} in all`,
    ],
  ],
  ['S9a', [`for ${LIMITS.stalledSeconds} s`]],
  ['S9c', [`for ${seconds(KEEP_ALIVE.stalledMs)}`]],
  ['S9d', [`At most ${LIMITS.requestsAtOnce} requests`]],
  ['S9e', [`${thousands(LIMITS.connectionsBesideSockets)} connections more`]],
])('the figures of %s are those of the code', (number, figures) => {
  for (const figure of figures) expect(promises.get(number)).toContain(figure);
});
