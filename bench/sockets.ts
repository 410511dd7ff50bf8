/** How much data for viewers waits in the kernel (proc(5), /proc/net/tcp). */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Both tables: a service on an IPv6 socket can be reached over IPv4. */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];
const LOOK_MS = 100;
/** After so many reads without a change, the buffers are full. */
const STILL_LOOKS = 4;
const STILL_MS = 60_000;
/** How long `untilFull` goes on after the last change, seconds. */
export const FULL_SECONDS = (LOOK_MS * STILL_LOOKS) / 1000;

const tableOf = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};

/** "   1: 0100007F:0FA0 0100007F:D431 01 00001F40:00000000 …": addresses with ports, state, tx_queue and rx_queue, in hexadecimal. */
const ROW = /^\s*\d+: \w+:(\w+) \w+:(\w+) \w+ (\w+):(\w+)/gm;

/** Bytes on their way from the server's port to these ports, in the buffers of both ends. */
export const bytesUnderWay = (
  serverPort: number,
  viewerPorts: readonly number[],
  tables = TABLES.map(tableOf),
): number => {
  const viewers = new Set(viewerPorts);
  const hex = (text: string | undefined): number => Number.parseInt(text ?? '0', 16);
  let bytes = 0;
  for (const table of tables) {
    for (const [, local, remote, sending, received] of table.matchAll(ROW)) {
      if (hex(local) === serverPort && viewers.has(hex(remote))) bytes += hex(sending);
      if (hex(remote) === serverPort && viewers.has(hex(local))) bytes += hex(received);
    }
  }
  return bytes;
};

/** Resolves when the buffers between the server and viewers that do not read are full. @throws Error after a minute */
export const untilFull = async (serverPort: number, viewerPorts: readonly number[]): Promise<void> => {
  const deadline = performance.now() + STILL_MS;
  let before = -1;
  for (let still = 0; still < STILL_LOOKS; ) {
    if (performance.now() > deadline) throw new Error('the buffers of stalled viewers are not full after 60 s');
    await delay(LOOK_MS);
    const now = bytesUnderWay(serverPort, viewerPorts);
    still = now > 0 && now === before ? still + 1 : 0;
    before = now;
  }
};
