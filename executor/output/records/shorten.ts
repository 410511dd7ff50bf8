import type { JsonObject, JsonValue, LogException } from '../../../src/domain/events.ts';
import { setMember } from '../json/printedJson.ts';
import { cutText } from '../text/cut.ts';

export interface Content {
  readonly message: string;
  readonly logger: string | null;
  readonly exception: LogException | null;
  readonly fields: JsonObject | null;
}

/** A number of bytes that texts use up. `isOver`: something did not fit. */
class Budget {
  left: number;
  isOver = false;
  constructor(bytes: number) {
    this.left = bytes;
  }
  text(text: string): string {
    const cut = cutText(text, this.left);
    this.left -= Buffer.byteLength(cut);
    if (cut.length < text.length) this.isOver = true;
    return cut;
  }
  textOrNull(text: string | null): string | null {
    return text === null ? null : this.text(text);
  }
  member(name: string, value: JsonValue): boolean {
    const size = Buffer.byteLength(name) + Buffer.byteLength(JSON.stringify(value)) + 4;
    const fits = size <= this.left;
    if (fits) this.left -= size;
    else this.isOver = true;
    return fits;
  }
}

/**
 * Shortens a record to `maxBytes` UTF-8 bytes, and its logger's name to as many more. The message comes first, then the
 * exception, then the fields that fit, in their order. `isCut`: something was dropped.
 */
export const shortenContent = (content: Content, maxBytes: number): Content & { readonly isCut: boolean } => {
  const name = new Budget(maxBytes);
  const logger = name.textOrNull(content.logger);
  const budget = new Budget(maxBytes);
  const message = budget.text(content.message);
  const exception = content.exception && {
    type: budget.textOrNull(content.exception.type),
    message: budget.textOrNull(content.exception.message),
    stack: budget.textOrNull(content.exception.stack),
  };
  const fields: Record<string, JsonValue> = {};
  let some = false;
  for (const [member, value] of Object.entries(content.fields ?? {})) {
    if (!budget.member(member, value)) continue;
    setMember(fields, member, value);
    some = true;
  }
  return { message, logger, exception, fields: some ? fields : null, isCut: budget.isOver || name.isOver };
};
