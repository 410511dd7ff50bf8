/** What the kernel holds of what a server has sent to viewers (proc(5), /proc/net/tcp). */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** The service may listen on an IPv6 socket and be reached by IPv4, so both tables are looked at. */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];
const LOOK_MS = 100;
/** So many looks without a change: nothing fits in any more. */
const STILL_LOOKS = 4;
const STILL_MS = 60_000;
/** What it takes to be sure, of the time that `untilFull` takes. */
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

/** Bytes under way from the server's port to these ports, in the buffers of both ends. */
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

/** Resolves when nothing more fits between the server and viewers that do not read. @throws Error after a minute */
export const untilFull = async (serverPort: number, viewerPorts: readonly number[]): Promise<void> => {
  const deadline = performance.now() + STILL_MS;
  let before = -1;
  for (let still = 0; still < STILL_LOOKS; ) {
    if (performance.now() > deadline) throw new Error('viewers that read nothing are still being sent to');
    await delay(LOOK_MS);
    const now = bytesUnderWay(serverPort, viewerPorts);
    still = now > 0 && now === before ? still + 1 : 0;
    before = now;
  }
};
