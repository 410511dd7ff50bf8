/** What a line has besides its text: fields of a record, an exception, JSON in the text. */
import { JsonTree } from '../look/jsonTree.tsx';
import { plainText } from './ansiSpans.ts';
import type { LogLine } from './logEvents.ts';

/** A longer line is not parsed. */
const MOST_JSON = 100_000;

/** The object or array that the text is, or ends with; undefined: none. */
export const jsonIn = (message: string): unknown => {
  if (message.length > MOST_JSON || !/[}\]]\s*$/.test(message)) return undefined;
  const text = plainText(message);
  const at = text.search(/[{[]/);
  if (at < 0) return undefined;
  try {
    const value: unknown = JSON.parse(text.slice(at));
    return typeof value === 'object' && value !== null && Object.keys(value).length > 0 ? value : undefined;
  } catch {
    return undefined;
  }
};

export const hasDetails = ({ fields, exception, message }: LogLine): boolean =>
  fields !== null || exception !== null || jsonIn(message) !== undefined;

export const LineDetails = ({ line }: { readonly line: LogLine }) => {
  const { fields, exception, logger, message } = line;
  const json = jsonIn(message);
  return (
    <div className="details">
      {logger !== null && <JsonTree name="logger" value={logger} />}
      {fields !== null && <JsonTree name="fields" value={fields} open />}
      {exception !== null && (
        <div className="exception">
          <strong>{[exception.type, exception.message].filter(Boolean).join(': ')}</strong>
          {exception.stack !== null && <pre>{exception.stack}</pre>}
        </div>
      )}
      {json !== undefined && <JsonTree value={json} open />}
    </div>
  );
};
