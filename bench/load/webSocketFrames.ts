/** The client side of RFC 6455 as far as the load client needs it: payload in pieces, without copying. */

const CONTINUED_MAX_HEADER = 10;
const OPCODE = { close: 8, ping: 9 } as const;

export interface FrameEvents {
  /** A piece of the payload of a message; valid only during the call. */
  onPayload(bytes: Buffer, from: number, to: number): void;
  onPing(payload: Buffer): void;
  onClose(): void;
}

export class WebSocketFrames {
  readonly #events: FrameEvents;
  readonly #header = Buffer.alloc(CONTINUED_MAX_HEADER);
  #headerBytes = 0;
  #opcode = 0;
  /** Bytes that are missing from the payload of the current frame. */
  #left = 0;
  #control: Buffer[] = [];

  constructor(events: FrameEvents) {
    this.#events = events;
  }

  push(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) {
      if (this.#left === 0) {
        at = this.#readHeader(bytes, at, to);
        if (this.#left === 0) continue;
      }
      const end = Math.min(to, at + this.#left);
      if (end === at) return;
      this.#left -= end - at;
      if (this.#opcode < OPCODE.close) this.#events.onPayload(bytes, at, end);
      else this.#control.push(Buffer.from(bytes.subarray(at, end)));
      at = end;
      if (this.#left === 0) this.#endFrame();
    }
  }

  /** Returns where it stopped. #left is set once the header is complete. */
  #readHeader(bytes: Buffer, from: number, to: number): number {
    for (let at = from; at < to; ) {
      this.#header[this.#headerBytes] = bytes[at] ?? 0;
      this.#headerBytes += 1;
      at += 1;
      if (this.#headerBytes < 2) continue;
      const short = (this.#header[1] ?? 0) & 0x7f;
      const size = short === 126 ? 4 : short === 127 ? CONTINUED_MAX_HEADER : 2;
      if (this.#headerBytes < size) continue;
      this.#opcode = (this.#header[0] ?? 0) & 0x0f;
      if (short === 126) this.#left = this.#header.readUInt16BE(2);
      else if (short === 127) this.#left = Number(this.#header.readBigUInt64BE(2));
      else this.#left = short;
      this.#headerBytes = 0;
      if (this.#left === 0) this.#endFrame();
      return at;
    }
    return to;
  }

  #endFrame(): void {
    if (this.#opcode === OPCODE.ping) this.#events.onPing(Buffer.concat(this.#control));
    if (this.#opcode === OPCODE.close) this.#events.onClose();
    this.#control = [];
  }
}

/** A frame of a client. Its mask is zero, which is valid and leaves the payload unchanged. */
export const clientFrame = (payload: Buffer | string, opcode: 1 | 10 = 1): Buffer => {
  const body = Buffer.from(payload);
  const long = body.length > 125;
  const header = Buffer.alloc((long ? 4 : 2) + 4);
  header.writeUInt8(0x80 | opcode, 0);
  header.writeUInt8(0x80 | (long ? 126 : body.length), 1);
  if (long) header.writeUInt16BE(body.length, 2);
  return Buffer.concat([header, body]);
};
