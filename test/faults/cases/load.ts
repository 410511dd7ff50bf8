/** Cases 11, 12, 15, 18: slow viewers, a flood, a herd that reconnects, a heap of runs. */

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { request, startRun } from '../../support/client.ts';
import { LogAudit } from '../audit.ts';
import type { FaultCase } from '../faultCase.ts';
import { numbered, runOf, scenario, textOf } from '../scenario.ts';
import { Stack } from '../stack.ts';
import { Viewer } from '../viewer.ts';
import { plainVerdict } from './executor.ts';

const rssMb = async (pid: number): Promise<number> =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''))?.[1] ?? 0) / 1024;

const QUERY =
  'subscription ($id: ID!, $after: Int) { log: runLogBatches(runId: $id, after: $after) { events { __typename seq ... on LogLine { stream message } ... on LinesDropped { fromSeq count reason } ... on RunFinished { finalStatus: status digest } } } }';

/** A WebSocket by hand, whose reading speed is ours: graphql-transport-ws over a bare socket. */
class SlowViewer {
  readonly audit = new LogAudit();
  done = false;
  cut = false;
  readonly #socket: Socket;
  readonly #runId: string;
  readonly #after: number;
  readonly #bytesPerSecond: number;
  #subscribed = false;
  #buffered: Buffer = Buffer.alloc(0);
  #upgraded = false;
  #fragments: Buffer[] = [];

  /** `bytesPerSecond` 0: it never reads. */
  constructor(port: number, runId: string, bytesPerSecond: number, after = 0) {
    const piece = Buffer.alloc(512);
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      // Reads so little at a time, and waits as long as that may take; what is left waits in the kernel.
      onread: {
        buffer: piece,
        callback: (bytes, from) => this.#read(Buffer.from(from.buffer, from.byteOffset, bytes)),
      },
    });
    this.#runId = runId;
    this.#after = after;
    this.#bytesPerSecond = bytesPerSecond;
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.cut = !this.done;
    });
    const key = randomBytes(16).toString('base64');
    this.#socket.write(
      `GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n`,
    );
    this.#send({ type: 'connection_init' });
  }

  #read(bytes: Buffer): boolean {
    this.#take(Buffer.from(bytes));
    if (!this.#upgraded || this.done) return true;
    if (!this.#subscribed) {
      this.#subscribed = true;
      const variables = { id: this.#runId, after: this.#after };
      // After connection_ack, which is on its way.
      setTimeout(() => this.#send({ id: '1', type: 'subscribe', payload: { query: QUERY, variables } }), 50);
      if (this.#bytesPerSecond === 0) setTimeout(() => this.#socket.pause(), 100);
    }
    if (this.#bytesPerSecond === 0) return true;
    setTimeout(() => this.#socket.resume(), (bytes.length / this.#bytesPerSecond) * 1000).unref();
    return false;
  }

  close(): void {
    this.done = true;
    this.#socket.destroy();
  }

  #send(message: unknown): void {
    this.#frame(1, Buffer.from(JSON.stringify(message)));
  }

  #frame(opcode: number, body: Buffer): void {
    const head =
      body.length < 126
        ? Buffer.from([0x80 | opcode, 0x80 | body.length])
        : Buffer.from([0x80 | opcode, 0xfe, body.length >> 8, body.length & 255]);
    // A mask of zeros is a mask.
    this.#socket.write(Buffer.concat([head, Buffer.alloc(4), body]));
  }

  #take(bytes: Buffer): void {
    this.#buffered = Buffer.concat([this.#buffered, bytes]);
    if (!this.#upgraded) {
      const end = this.#buffered.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.#upgraded = true;
      this.#buffered = this.#buffered.subarray(end + 4);
    }
    for (;;) {
      const all = this.#buffered;
      if (all.length < 2) return;
      const opcode = (all[0] ?? 0) & 15;
      const last = ((all[0] ?? 0) & 0x80) !== 0;
      let length = (all[1] ?? 0) & 127;
      let at = 2;
      if (length === 126) {
        if (all.length < 4) return;
        length = all.readUInt16BE(2);
        at = 4;
      } else if (length === 127) {
        if (all.length < 10) return;
        length = Number(all.readBigUInt64BE(2));
        at = 10;
      }
      if (all.length < at + length) return;
      const body = all.subarray(at, at + length);
      this.#buffered = all.subarray(at + length);
      if (opcode === 9) this.#frame(10, body);
      if (opcode > 2) continue;
      this.#fragments.push(body);
      if (!last) continue;
      const text = Buffer.concat(this.#fragments).toString();
      this.#fragments = [];
      this.#message(text);
    }
  }

  #message(text: string): void {
    const { type, payload } = JSON.parse(text);
    if (type === 'next') for (const event of payload.data.log.events) this.audit.take(event);
    if (type === 'complete') this.close();
  }
}

export const slowViewers: FaultCase = {
  number: 11,
  name: 'slow-viewers',
  title: '200 viewers that never read, 200 that read 1 kB/s (500 lines): others unharmed, memory bounded',
  async run({ random, lines }) {
    await using stack = await Stack.open();
    const url = stack.urls()[0] ?? '';
    const port = Number(new URL(url).port);
    const few = await startRun(url, { command: [...numbered(500, 5)] });
    stack.runs.push(few);
    const slow: SlowViewer[] = [];
    const never: SlowViewer[] = [];
    let peak = 0;
    let control = 0;
    const watch = setInterval(async () => {
      peak = Math.max(peak, await rssMb(stack.pidOf(0)));
    }, 200);
    try {
      for (let i = 0; i < 200; i += 1) slow.push(new SlowViewer(port, few, 1000));
      await delay(1000);
      control = await rssMb(stack.pidOf(0));
      const begun = performance.now();
      const verdict = await scenario({
        stack,
        random,
        lines,
        seconds: 10,
        faults: async ({ runId, at, note, problem }) => {
          for (let i = 0; i < 200; i += 1) never.push(new SlowViewer(port, runId, 0));
          await at(1);
          note(`the quick ones had all after ${Math.round(performance.now() - begun)} ms (10,000 planned)`);
          const deadline = performance.now() + 150_000;
          while (slow.some((one) => !one.done && !one.cut) && performance.now() < deadline) await delay(200);
          const whole = slow.filter((one) => one.audit.lines === 500 && one.audit.ends === 1);
          const cut = slow.filter((one) => one.cut).length;
          note(
            `${whole.length} of 200 slow ones have all of 500 lines after ${Math.round((performance.now() - begun) / 1000)} s, ${cut} were cut`,
          );
          if (whole.length !== 200) problem(`${200 - whole.length} slow ones are not whole`);
          const dirty = slow.reduce(
            (all, { audit }) => all + audit.lost + audit.repeated + audit.disordered + audit.altered,
            0,
          );
          if (dirty > 0) problem(`${dirty} events lost, repeated, out of order`);
          note(`service: ${Math.round(control)} MB with 200 slow ones, ${Math.round(peak)} MB at most`);
          if (peak - control > 200) problem(`memory grew by ${Math.round(peak - control)} MB`);
          return 400;
        },
      });
      return verdict;
    } finally {
      clearInterval(watch);
      for (const viewer of [...slow, ...never]) viewer.close();
    }
  },
};

const FLOOD = 2_000_000;

export const flood: FaultCase = {
  number: 12,
  name: 'flood',
  title: '2,000,000 lines as fast as a pipe can, MAX_LOG_BYTES 16 MiB: first and last half kept, LinesDropped exact',
  async run({ random }) {
    const budget = 16 * 1024 * 1024;
    await using stack = await Stack.open({ env: { MAX_LOG_BYTES: String(budget) } });
    let redisPeak = 0;
    const redis = await stack.admin();
    const watch = setInterval(async () => {
      const used = Number(/^used_memory:(\d+)/m.exec(await redis.info('memory').catch(() => ''))?.[1] ?? 0);
      redisPeak = Math.max(redisPeak, used / 2 ** 20);
    }, 250);
    try {
      const verdict = await scenario({
        stack,
        random,
        lines: FLOOD,
        seconds: 5,
        settleSeconds: 150,
        mayDrop: true,
        command: ['sh', '-c', `seq -f 'line %.0f of ${FLOOD}' ${FLOOD}`],
        faults: async ({ runId, started, note, problem }) => {
          const begun = performance.now();
          await Promise.race([started.ended, delay(150_000)]);
          note(`ended after ${Math.round(performance.now() - begun)} ms; Redis ${Math.round(redisPeak)} MB at most`);
          if (redisPeak > 64) problem(`Redis took ${Math.round(redisPeak)} MB`);
          const url = stack.urls()[0] ?? '';
          const run = await runOf(url, runId);
          const late = new Viewer({ runId, urls: stack.urls, random });
          await late.ended;
          const { lines, dropped } = late.audit;
          note(
            `a late viewer: ${lines} lines and LinesDropped for ${dropped}; the record says ${run?.dropped} dropped`,
          );
          if (run?.dropped !== FLOOD - lines) problem(`dropped ${run?.dropped}, but ${FLOOD - lines} are missing`);
          if (dropped !== FLOOD - lines) problem(`LinesDropped ${dropped}, but ${FLOOD - lines} are missing`);
          if (late.audit.finished?.dropped !== run?.dropped) problem('RunFinished tells another number');
          const kept = (await textOf(`${url}/runs/${runId}/log.txt`)).length;
          note(`kept ${(kept / budget).toFixed(3)} of the budget`);
          if (kept > budget * 1.1 || kept < budget * 0.8) problem(`kept ${kept} bytes`);
          return run?.dropped ?? 0;
        },
      });
      return verdict;
    } finally {
      clearInterval(watch);
    }
  },
};

export const herd: FaultCase = {
  number: 15,
  name: 'herd',
  title: '1,000 viewers reconnect at the same moment: at most 3 reads of Redis for each',
  async run({ random, lines }) {
    await using stack = await Stack.open();
    const url = stack.urls()[0] ?? '';
    const total = Math.min(lines, 3000);
    const runId = await startRun(url, { command: [...numbered(total, 45)] });
    stack.runs.push(runId);
    const count = 1000;
    const viewers: Viewer[] = [];
    const redis = await stack.admin();
    // Everything that reads a log: pages are a MULTI of HMGET and XRANGE, questions a pipeline of HMGETs.
    const reads = async (): Promise<number> => {
      const stats = await redis.info('commandstats');
      return ['xrange', 'xrevrange', 'hmget', 'hget', 'subscribe']
        .map((name) => Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, 'm').exec(stats)?.[1] ?? 0))
        .reduce((all, one) => all + one, 0);
    };
    try {
      for (let i = 0; i < count; i += 1) {
        viewers.push(new Viewer({ runId, urls: stack.urls, random }));
        if (i % 50 === 49) await delay(100);
      }
      const caught = async (): Promise<void> => {
        for (let i = 0; i < 600 && viewers.some((one) => !one.caughtUp); i += 1) await delay(50);
      };
      await caught();
      await delay(500);
      for (const viewer of viewers) viewer.caughtUp = false;
      const before = await reads();
      const begun = performance.now();
      for (const viewer of viewers) viewer.cut();
      await caught();
      const took = performance.now() - begun;
      const after = await reads();
      // What would have been read meanwhile by the heartbeat of one feed, the executor's appends (HMGET in a script) aside.
      const problems: string[] = [];
      const per = (after - before) / count;
      if (per > 3) problems.push(`${per.toFixed(2)} reads for each`);
      await Promise.race([Promise.all(viewers.map((one) => one.ended)), delay(120_000)]);
      const bad = viewers.filter(({ audit }) => audit.lines !== total || audit.ends !== 1);
      return {
        ...plainVerdict({ faults: count, delivered: 0, endRight: bad.length === 0, problems }),
        delivered: viewers.reduce((all, { audit }) => all + audit.lines, 0),
        lost: viewers.reduce((all, { audit }) => all + (total - audit.lines), 0),
        repeated: viewers.reduce((all, { audit }) => all + audit.repeated, 0),
        disordered: viewers.reduce((all, { audit }) => all + audit.disordered + audit.altered, 0),
        stuck: viewers.filter((one) => !one.done).length,
        digestRight: viewers.every(({ audit }) => audit.digest === audit.finished?.digest),
        notes: [
          `all ${count} were there again after ${Math.round(took)} ms, ${per.toFixed(2)} reads of Redis for each (all clients counted)`,
        ],
      };
    } finally {
      for (const viewer of viewers) viewer.stop();
    }
  },
};

export const manyRuns: FaultCase = {
  number: 18,
  name: 'many-runs',
  title: '500 startRun at once, 200 cancels at random moments: every run ends, once, and nothing is left behind',
  async run({ random, lines }) {
    const count = lines >= 50_000 ? 500 : 60;
    const cancels = Math.round(count * 0.4);
    await using stack = await Stack.open({ services: 2, env: { MAX_CONCURRENT_RUNS: '5' } });
    const urls = stack.urls();
    const problems: string[] = [];
    const ids = await Promise.all(
      Array.from({ length: count }, (_, i) =>
        startRun(urls[i % urls.length] ?? '', {
          command: ['sh', '-c', `echo one; sleep 0.${random.between(0, 9)}; echo two`],
        }),
      ),
    );
    stack.runs.push(...ids);
    const begun = performance.now();
    const cancelling = (async () => {
      for (let i = 0; i < cancels; i += 1) {
        const id = ids[random.between(0, ids.length - 1)];
        const url = urls[random.between(0, urls.length - 1)] ?? '';
        const answer = await request(url, 'mutation ($id: ID!) { cancelRun(input: { runId: $id }) { run { id } } }', {
          id,
        });
        if (answer.errors) problems.push(JSON.stringify(answer.errors));
        await delay(random.between(0, 300));
      }
    })();
    const redis = await stack.admin();
    const ended = async (): Promise<number> => {
      const pipeline = redis.pipeline();
      for (const id of ids) pipeline.hget(`run:{${id}}`, 'closed');
      return ((await pipeline.exec()) ?? []).filter(([, closed]) => closed === '1').length;
    };
    const deadline = performance.now() + 400_000;
    while ((await ended()) < count && performance.now() < deadline) await delay(500);
    await cancelling;
    const took = performance.now() - begun;
    const stuck = count - (await ended());
    const counts = new Map<string, number>();
    let ends = 0;
    for (const id of ids) {
      const run = await runOf(urls[0] ?? '', id);
      const how = `${run?.status}${run?.failure ? ` ${run.failure.reason}` : ''}`;
      counts.set(how, (counts.get(how) ?? 0) + 1);
      const text = await textOf(`${urls[0]}/runs/${id}/log.ndjson`);
      const of = text.split('\n').filter((line) => line.includes('"RunFinished"')).length;
      if (of !== 1) problems.push(`${id}: ${of} ends`);
      ends += of;
    }
    for (const how of counts.keys())
      if (how !== 'COMPLETED' && how !== 'CANCELLED') problems.push(`${counts.get(how)} ended ${how}`);
    // Leases and what else runs out by itself is given its time.
    await delay(12_000);
    const left: string[] = [];
    for (const id of ids) {
      const { executors, commands } = await stack.processesOf(id);
      left.push(...executors.map((pid) => `executor ${pid}`), ...commands.map((pid) => `command ${pid}`));
    }
    let cursor = '0';
    do {
      const [next, keys] = await redis.scan(cursor, 'COUNT', 500);
      cursor = next;
      for (const key of keys)
        if (key.includes('run:{') && (await redis.ttl(key)) === -1) left.push(`${key} without a TTL`);
      for (const key of keys) if (/-\d+$/.test(key) && key.includes(':attempt')) left.push(`job ${key}`);
    } while (cursor !== '0');
    const channels = ((await redis.pubsub('CHANNELS')) as string[]).filter((name) => /^run_(logs|control)/.test(name));
    left.push(...channels.map((name) => `subscription ${name}`));
    for (const text of left.slice(0, 10)) problems.push(`left: ${text}`);
    if (left.length > 10) problems.push(`and ${left.length - 10} more are left`);
    return plainVerdict({
      faults: cancels,
      delivered: ends,
      stuck,
      endRight: ends === count,
      problems,
      notes: [
        `${count} runs in ${Math.round(took / 1000)} s: ${[...counts].map(([how, n]) => `${n} ${how}`).join(', ')}`,
      ],
    });
  },
};
