/** One viewer of the load client: a raw socket. Lines are counted and checked, not parsed. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { HttpChunks } from './httpChunks.ts';
import type { Target } from './messages.ts';
import { LineScanner, type ScanOptions } from './scan.ts';
import { clientFrame, WebSocketFrames } from './webSocketFrames.ts';

const READ_BYTES = 512 * 1024;
/** All sockets of the process read into the same memory: it is scanned before the next read. */
const shared = Buffer.allocUnsafeSlow(READ_BYTES);
/** Control messages are shorter than this; longer messages are not searched for them. */
const NOTE_BYTES = 1024;

export interface ViewerEvents extends Pick<ScanOptions, 'onStamp'> {
  /** After each read. */
  onRead(bytes: number): void;
}

export class LoadViewer {
  readonly scanner: LineScanner;
  /** Resolves when the viewer is connected and has subscribed. */
  readonly opened: Promise<void>;
  readonly #socket: Socket;
  readonly #target: Target;
  readonly #body: { push(bytes: Buffer, from: number, to: number): void };
  #head = '';
  #open = false;
  #asked: () => void = () => undefined;
  #failed: (error: Error) => void = () => undefined;

  constructor(target: Target, events: ViewerEvents) {
    this.#target = target;
    this.scanner = new LineScanner({
      ...events,
      after: target.afterLine ?? 0,
      every: target.every ?? 1,
      copies: target.copies ?? 1,
    });
    this.opened = new Promise((resolve, reject) => {
      this.#asked = resolve;
      this.#failed = reject;
    });
    const onPayload = (bytes: Buffer, from: number, to: number): void => this.#payload(bytes, from, to);
    this.#body =
      target.protocol === 'sse'
        ? new HttpChunks(onPayload, () => this.#fault('the response ended'))
        : new WebSocketFrames({
            onPayload,
            onPing: (payload) => void this.#socket.write(clientFrame(payload, 10)),
            onClose: () => this.#fault('the server closed the WebSocket'),
          });
    const onread = {
      buffer: shared,
      callback: (size: number, bytes: Uint8Array): boolean => {
        this.#read(bytes as Buffer, size);
        events.onRead(size);
        return true;
      },
    };
    this.#socket = connect({ host: '127.0.0.1', port: target.port, noDelay: true, onread }, () => {
      this.#socket.write(target.protocol === 'sse' ? sseRequest(target) : upgradeRequest(target));
    });
    this.#socket.on('error', (error) => this.#fault(`the socket failed: ${error.message}`));
    this.#socket.on('close', () => this.#fault('the socket was closed'));
  }

  /** The local port, once connected. */
  get port(): number {
    return this.#socket.localPort ?? 0;
  }

  stall(stalled: boolean): void {
    if (stalled) this.#socket.pause();
    else this.#socket.resume();
  }

  #read(bytes: Buffer, size: number): void {
    if (this.#open) {
      this.#body.push(bytes, 0, size);
      return;
    }
    const text = bytes.toString('latin1', 0, size);
    const before = this.#head.length;
    this.#head += text;
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const status = this.#head.slice(0, this.#head.indexOf('\r\n'));
    if (!/ (101|200) /.test(status)) {
      this.#fault(`the server answered ${this.#head.slice(0, NOTE_BYTES)}`);
      return;
    }
    this.#open = true;
    this.#head = '';
    if (this.#target.protocol === 'graphql') this.#socket.write(clientFrame('{"type":"connection_init"}'));
    else this.#asked();
    this.#body.push(bytes, end + 4 - before, size);
  }

  #payload(bytes: Buffer, from: number, to: number): void {
    if (to - from <= NOTE_BYTES) this.#note(bytes, from, to);
    this.scanner.scan(bytes, from, to);
  }

  #note(bytes: Buffer, from: number, to: number): void {
    if (this.scanner.lines > 0 && to - from > 256) return;
    const text = bytes.toString('latin1', from, Math.min(to, from + NOTE_BYTES));
    if (text.includes('"type":"connection_ack"')) {
      const { query, variables } = this.#target;
      const message = { id: '1', type: 'subscribe', payload: { query, variables } };
      this.#socket.write(clientFrame(JSON.stringify(message)));
      this.#asked();
    }
    if (text.includes('"type":"error"') || text.includes('"errors":[')) this.#fault(`the server answered ${text}`);
  }

  #fault(reason: string): void {
    this.scanner.fault ??= reason;
    this.#failed(new Error(reason));
    this.opened.catch(() => undefined);
  }
}

const upgradeRequest = ({ path, port, protocol }: Target): string =>
  [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    ...(protocol === 'graphql' ? ['Sec-WebSocket-Protocol: graphql-transport-ws'] : []),
    '\r\n',
  ].join('\r\n');

const sseRequest = ({ path, port, query, variables }: Target): string => {
  const body = JSON.stringify({ query, variables });
  return [
    `POST ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Accept: text/event-stream',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
};
