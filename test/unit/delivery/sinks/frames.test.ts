import type { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import * as ws from 'ws';
import { PREFIX_BYTES, type SharedTexts, textIn } from '../../../../src/delivery/messageLayout.ts';
import { fragments, ownFrames, sharedFrames } from '../../../../src/delivery/sinks/frames.ts';

/** The RFC 6455 parser of ws, which its types do not declare. */
const { Receiver } = ws as unknown as { readonly Receiver: new (options: { readonly isServer: boolean }) => Writable };

/** Messages as a client reads them. */
const read = async (bytes: Buffer): Promise<string[]> => {
  const receiver = new Receiver({ isServer: false });
  const messages: string[] = [];
  receiver.on('message', (data: Buffer) => messages.push(data.toString()));
  await new Promise<void>((resolve, reject) => {
    receiver.once('error', reject);
    receiver.write(bytes, () => setImmediate(resolve));
  });
  return messages;
};
const one = (text: string): SharedTexts => {
  const memory = Buffer.concat([Buffer.alloc(PREFIX_BYTES, '!'), Buffer.from(text)]);
  return { texts: [textIn(memory)], seqs: [{ first: 1, count: 1 }], memory, empty: false };
};
const several = (texts: readonly string[]): SharedTexts => ({
  texts: texts.map((text) => Buffer.from(text)),
  seqs: [{ first: 1, count: texts.length }],
  memory: null,
  empty: false,
});
/** Around the limits between the three encodings of a frame's length (125, 65,535). */
const LENGTHS = [0, 1, 80, 90, 91, 92, 124, 125, 126, 300, 65_500, 65_501, 65_535, 65_536, 200_000];
const HEADS = ['{"id":"1","payload":', `{"id":"${'7'.repeat(36)}","payload":`, 'x'.repeat(118)].map((head) =>
  Buffer.from(head),
);

test('one text is sent behind each head from the same memory, for any lengths', async () => {
  for (const length of LENGTHS) {
    const text = 'ü'.repeat(length / 2).padEnd(length / 2 + (length % 2), 'z');
    const shared = one(text);
    for (const head of [...HEADS, ...HEADS]) {
      const frames = sharedFrames(shared, head.length)?.headed(head);
      expect(frames?.buffer).toBe(shared.memory?.buffer);
      expect(await read(frames ?? Buffer.alloc(0))).toEqual([`${head}${text}`]);
    }
  }
});

test('several texts are sent behind each head of the same length from the same memory', async () => {
  const texts = LENGTHS.map((length) => 'a'.repeat(length));
  const shared = several(texts);
  const heads = ['{"id":"a1":', '{"id":"b2":', '{"id":"a1":'].map((head) => Buffer.from(head));
  const memories = new Set();
  for (const head of heads) {
    const frames = sharedFrames(shared, head.length)?.headed(head) ?? Buffer.alloc(0);
    memories.add(frames);
    expect(await read(frames)).toEqual(texts.map((text) => `${head}${text}`));
  }
  expect(memories.size).toBe(1);
});

test('a long head, or one whose length differs from the first, gets no shared memory, so that clients cannot choose its size', () => {
  expect(sharedFrames(one('text'), PREFIX_BYTES - 9)).toBeNull();
  expect(sharedFrames(one('text'), PREFIX_BYTES - 10)).not.toBeNull();
  expect(sharedFrames(several(['a', 'b']), 1024)).toBeNull();
  const shared = several(['a', 'b']);
  expect(sharedFrames(shared, 40)).toBe(sharedFrames(shared, 40));
  expect(sharedFrames(shared, 41)).toBeNull();
});

test('separate memory and fragments give the same messages', async () => {
  const head = Buffer.from('{"id":"');
  for (const length of LENGTHS) {
    const text = Buffer.alloc(length, 'b');
    expect(await read(ownFrames(head, [text, text]))).toEqual([`${head}${text}`, `${head}${text}`]);
    expect(await read(Buffer.concat(fragments(head, text)))).toEqual([`${head}${text}`]);
  }
});
