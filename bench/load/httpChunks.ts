/** Reads the payload of a response in chunked transfer coding (RFC 9112, 7.1) in pieces, without copying. */
export class HttpChunks {
  readonly #onPayload: (bytes: Buffer, from: number, to: number) => void;
  readonly #onEnd: () => void;
  #left = 0;
  #size = '';

  constructor(onPayload: (bytes: Buffer, from: number, to: number) => void, onEnd: () => void) {
    this.#onPayload = onPayload;
    this.#onEnd = onEnd;
  }

  push(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) {
      if (this.#left > 0) {
        const end = Math.min(to, at + this.#left);
        this.#left -= end - at;
        this.#onPayload(bytes, at, end);
        at = end;
        continue;
      }
      const byte = bytes[at] ?? 0;
      at += 1;
      // The line break after the data of a chunk looks like an empty size line.
      if (byte !== 0x0a) {
        if (byte !== 0x0d) this.#size += String.fromCharCode(byte);
        continue;
      }
      if (this.#size === '') continue;
      this.#left = Number.parseInt(this.#size, 16);
      this.#size = '';
      if (this.#left === 0) this.#onEnd();
    }
  }
}
