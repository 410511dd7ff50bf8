/**
 * The bytes of a result as connections send it. This file is the only one that knows them.
 *
 * A WebSocket message (`next` of graphql-transport-ws) in one piece of memory:
 *
 *     | free | frame header | {"id":"1","type":"next","payload": | {"data":{…}} | } |
 *     |<------------------ reserved prefix ------------------->|<----- text ----->|
 *                           |<------------- head ------------->|<-- result -->|
 *
 * The text is the same for all viewers of a selection. Head and frame header are a viewer's own: it writes them into the
 * prefix, right-aligned, before it sends. A server-sent event has the result alone:
 *
 *     id: 7 \n event: next \n data: | {"data":{…}} | \n\n
 */
import type { Seq } from '../domain/events.ts';

/** Bytes of the reserved prefix: enough for the ids of common clients, which are UUIDs or counters. */
export const PREFIX_BYTES = 128;
/** The brace that closes the message: the end of each text. */
const MESSAGE_END = '}';

/** How a text is laid out: `prefixBytes` without meaning, the result, and `end`. */
export interface TextLayout {
  readonly prefixBytes: number;
  readonly end: string;
}
/** A text that is alone in its piece: viewers write into its prefix. */
export const WITH_PREFIX: TextLayout = { prefixBytes: PREFIX_BYTES, end: MESSAGE_END };
/** One of several texts of a piece: a sink lays them out behind heads of one length (frames.ts). */
export const WITHOUT_PREFIX: TextLayout = { prefixBytes: 0, end: MESSAGE_END };

export interface SeqRange {
  readonly first: Seq;
  readonly count: number;
}

/** Results of one piece of a log as texts, made once for all viewers of a selection. */
export interface SharedTexts {
  /** One text for each result. */
  readonly texts: readonly Buffer[];
  /** The position after each text, in order, as ranges of seqs. */
  readonly seqs: readonly SeqRange[];
  /** The reserved prefix and the text, if there is one text alone; otherwise null. */
  readonly memory: Buffer | null;
  /** A filter left nothing of the piece: the text tells a position only. */
  readonly empty: boolean;
}

/** The text behind the reserved prefix, in the same memory. */
export const textIn = (memory: Buffer): Buffer => memory.subarray(PREFIX_BYTES);

/** What stands before the texts of one operation: {"id":"…","type":"next","payload": */
export const messageHead = (id: string): Buffer => {
  const message = JSON.stringify({ id, type: 'next', payload: 0 });
  return Buffer.from(message.slice(0, -`0${MESSAGE_END}`.length));
};

const EVENT_END = '\n\n';
const eventHead = (id: Seq | null): string => `${id === null ? '' : `id: ${id}\n`}event: next\ndata: `;
const MAX_EVENT_HEAD_BYTES = eventHead(9_999_999_999).length;

/** A server-sent event of one result; `id` is the position after it. JSON has no raw line break, so one data line holds it. */
export const resultEvent = (id: Seq | null, result: string): Buffer =>
  Buffer.from(`${eventHead(id)}${result}${EVENT_END}`);

/** The same for texts: one event each, with its position as the id. */
export const textEvents = ({ texts, seqs }: SharedTexts): Buffer => {
  const size = texts.reduce((sum, text) => sum + MAX_EVENT_HEAD_BYTES + text.length + EVENT_END.length, 0);
  const into = Buffer.allocUnsafe(size);
  let at = 0;
  let index = 0;
  for (const { first, count } of seqs) {
    for (let seq = first; seq < first + count; seq += 1) {
      const text = texts[index];
      if (text === undefined) throw new TypeError('there are more seqs than texts');
      at += into.write(eventHead(seq), at, 'latin1');
      at += text.copy(into, at, 0, text.length - MESSAGE_END.length);
      at += into.write(EVENT_END, at, 'latin1');
      index += 1;
    }
  }
  return into.subarray(0, at);
};
