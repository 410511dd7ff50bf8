/**
 * Loaded into the service (--import): notes how long it works in one go, and how much it works from the arrival of an
 * honest request to its response. Both are CPU time of its main thread, so other processes of the machine do not count.
 * A line for each quarter of a second: when, the longest work, and the work during each such request, ms.
 */
import { channel } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';

const TICK_MS = 2;
const WRITE_MS = 250;
/** Abusers have other addresses (abuser.ts). */
const HONEST = '127.0.0.1';

/** Executors and helpers inherit the option. */
const file = process.argv[1]?.endsWith('src/main.ts') === true ? process.env.LOOP_FILE : undefined;
if (file !== undefined) {
  const used = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  const begun = new WeakMap<IncomingMessage, number>();
  let during: string[] = [];
  channel('http.server.request.start').subscribe((message) => {
    const { request } = message as { readonly request: IncomingMessage };
    if (request.socket.remoteAddress === HONEST) begun.set(request, used());
  });
  channel('http.server.response.finish').subscribe((message) => {
    const { request } = message as { readonly request: IncomingMessage };
    const at = begun.get(request);
    if (at !== undefined) during.push((used() - at).toFixed(1));
  });
  let before = used();
  let longest = 0;
  let written = performance.now();
  setInterval(() => {
    const now = used();
    longest = Math.max(longest, now - before);
    before = now;
    if (performance.now() - written < WRITE_MS) return;
    appendFileSync(file, `${Date.now()} ${longest.toFixed(1)} ${during.join(' ')}\n`);
    longest = 0;
    during = [];
    written = performance.now();
    before = used();
  }, TICK_MS).unref();
}
