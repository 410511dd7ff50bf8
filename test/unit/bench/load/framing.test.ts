import { expect, test } from 'vitest';
import { HttpChunks } from '../../../../bench/load/httpChunks.ts';
import { clientFrame, WebSocketFrames } from '../../../../bench/load/webSocketFrames.ts';

interface Seen {
  payload: string;
  pings: string[];
  closed: boolean;
}

const framesOf = (bytes: Buffer, size: number): Seen => {
  const seen: Seen = { payload: '', pings: [], closed: false };
  const frames = new WebSocketFrames({
    onPayload: (piece, from, to) => {
      seen.payload += piece.toString('latin1', from, to);
    },
    onPing: (payload) => seen.pings.push(payload.toString()),
    onClose: () => {
      seen.closed = true;
    },
  });
  for (let at = 0; at < bytes.length; at += size) frames.push(bytes, at, Math.min(at + size, bytes.length));
  return seen;
};

/** A frame from a server (RFC 6455, 5.2): not masked. */
const serverFrame = (text: string, opcode: number, fin = true): Buffer => {
  const body = Buffer.from(text);
  const long = body.length > 65_535;
  const header = Buffer.alloc(long ? 10 : body.length > 125 ? 4 : 2);
  header.writeUInt8((fin ? 0x80 : 0) | opcode, 0);
  header.writeUInt8(long ? 127 : Math.min(body.length, 126), 1);
  if (long) header.writeBigUInt64BE(BigInt(body.length), 2);
  else if (body.length > 125) header.writeUInt16BE(body.length, 2);
  return Buffer.concat([header, body]);
};

test('The payload arrives complete for any size of frames, fragments and reads.', () => {
  const texts = ['a', 'b'.repeat(125), 'c'.repeat(126), 'd'.repeat(65_535), 'e'.repeat(65_536)];
  const stream = Buffer.concat([
    ...texts.map((text) => serverFrame(text, 1)),
    serverFrame('start ', 1, false),
    serverFrame('ping', 9),
    serverFrame('', 9),
    serverFrame('end', 0),
    serverFrame('\u0003\u00e8', 8),
  ]);
  for (const size of [1, 2, 3, 7, 1000, 64_000, 1_000_000]) {
    expect(framesOf(stream, size)).toEqual({
      payload: `${texts.join('')}start end`,
      pings: ['ping', ''],
      closed: true,
    });
  }
});

test('Frames from the client are masked, as RFC 6455 requires.', () => {
  const frame = clientFrame('hello');
  expect([frame[0], frame[1], frame.subarray(6).toString()]).toEqual([0x81, 0x85, 'hello']);
  const long = clientFrame('x'.repeat(300));
  expect([long[1], long.readUInt16BE(2), long.length]).toEqual([0xfe, 300, 308]);
});

test('The chunks of an HTTP response arrive complete, wherever the reads are cut.', () => {
  const texts = ['event: next\n', 'x'.repeat(300), ':\n\n'];
  const stream = Buffer.from(`${texts.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`).join('')}0\r\n\r\n`);
  for (const size of [1, 2, 5, 100, 10_000]) {
    let payload = '';
    let ended = 0;
    const chunks = new HttpChunks(
      (bytes, from, to) => {
        payload += bytes.toString('latin1', from, to);
      },
      () => {
        ended += 1;
      },
    );
    for (let at = 0; at < stream.length; at += size) chunks.push(stream, at, Math.min(at + size, stream.length));
    expect([payload, ended]).toEqual([texts.join(''), 1]);
  }
});
