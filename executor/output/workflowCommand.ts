/**
 * Syntax of workflow commands: `::name key=value,key=value::text`, as the GitHub Actions runner reads it
 * (ActionCommand.cs).
 */

/** A line that can be a command. */
export interface CommandLine {
  readonly text: string;
  /** Longer than MAX_LINE_BYTES. */
  readonly isLong: boolean;
  /** False if only its beginning was kept. */
  readonly isWhole: boolean;
}

export interface WorkflowCommand {
  /** In lower case. Names are not case-sensitive. */
  readonly name: string;
  /** Names in lower case. Those with an empty name or value are left out. */
  readonly properties: ReadonlyMap<string, string>;
  /** The text after the second `::`, with its escapes decoded. */
  readonly text: string;
  /** The same text as printed. */
  readonly rawText: string;
}

const ESCAPES: Readonly<Record<string, string>> = { '%25': '%', '%0D': '\r', '%0A': '\n', '%3A': ':', '%2C': ',' };
const decode = (code: string): string => ESCAPES[code] ?? code;

/** Parses a command, which white space can precede. Null if the line is not one. */
export const parseCommand = (line: string): WorkflowCommand | null => {
  const trimmed = line.trimStart();
  if (!trimmed.startsWith('::')) return null;
  const end = trimmed.indexOf('::', 2);
  if (end < 0) return null;
  const head = trimmed.slice(2, end);
  const space = head.indexOf(' ');
  const name = (space < 0 ? head : head.slice(0, space)).toLowerCase();
  if (name === '') return null;
  const properties = new Map<string, string>();
  for (const pair of space < 0 ? [] : head.slice(space + 1).split(',')) {
    const equals = pair.indexOf('=');
    const key = pair.slice(0, Math.max(equals, 0)).trim().toLowerCase();
    const value = pair.slice(equals + 1).replace(/%(?:25|0D|0A|3A|2C)/g, decode);
    if (key !== '' && value !== '') properties.set(key, value);
  }
  const rawText = trimmed.slice(end + 2);
  return { name, properties, text: rawText.replace(/%(?:25|0D|0A)/g, decode), rawText };
};
