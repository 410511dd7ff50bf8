/** A viewer with a chosen reading speed, which a WebSocket library does not offer. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { LogAudit } from './audit.ts';

const QUERY =
  'subscription ($id: ID!, $after: Int) { log: runLogBatches(runId: $id, after: $after) { events { __typename seq ... on LogLine { stream message } ... on LinesDropped { fromSeq count reason } ... on RunFinished { finalStatus: status digest } } } }';

/** graphql-transport-ws over a bare socket that is read at a chosen speed. */
export class SlowViewer {
  readonly audit = new LogAudit();
  done = false;
  /** When the server closed it, by performance.now(). */
  cutAt: number | null = null;
  /** When the last bytes came, by performance.now(). */
  readAt = performance.now();
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
      // Reads a little, then waits as long as that may take; the rest waits in the kernel.
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
      if (!this.done) this.cutAt = performance.now();
    });
    const key = randomBytes(16).toString('base64');
    this.#socket.write(
      `GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n`,
    );
    this.#send({ type: 'connection_init' });
  }

  #read(bytes: Buffer): boolean {
    this.readAt = performance.now();
    this.#take(Buffer.from(bytes));
    if (!this.#upgraded || this.done) return true;
    if (!this.#subscribed) {
      this.#subscribed = true;
      const variables = { id: this.#runId, after: this.#after };
      // connection_ack has come by then.
      setTimeout(() => this.#send({ id: '1', type: 'subscribe', payload: { query: QUERY, variables } }), 50);
      if (this.#bytesPerSecond === 0) setTimeout(() => this.#socket.pause(), 100);
    }
    if (this.#bytesPerSecond === 0) return true;
    setTimeout(() => this.#socket.resume(), (bytes.length / this.#bytesPerSecond) * 1000).unref();
    return false;
  }

  /** The local port. */
  get port(): number | undefined {
    return this.#socket.localPort;
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
    // A mask of zeros is valid.
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

/**
 * Ports of the clients to which the server at `port` has an open connection (/proc/net/tcp; Linux). A client that never
 * reads does not notice that it was disconnected.
 */
export const clientsOf = async (port: number): Promise<ReadonlySet<number>> => {
  const rows = (await readFile('/proc/net/tcp', 'utf8')).split('\n').map((row) => row.trim().split(/\s+/));
  const portOf = (address = ''): number => Number.parseInt(address.split(':')[1] ?? '', 16);
  const open = rows.filter(([, local, , state]) => portOf(local) === port && state === ESTABLISHED);
  return new Set(open.map(([, , remote]) => portOf(remote)));
};
const ESTABLISHED = '01';
