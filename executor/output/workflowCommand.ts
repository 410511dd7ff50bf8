/** Syntax of workflow commands: `::name key=value,key=value::text`, as GitHub's runner reads it (ActionCommand.cs). */

/** A line that may be a command. */
export interface CommandLine {
  readonly text: string;
  /** Longer than MAX_LINE_BYTES. */
  readonly isLong: boolean;
  /** False: only its beginning was kept. */
  readonly isWhole: boolean;
}

export interface WorkflowCommand {
  /** In lower case; names are the same in any case. */
  readonly name: string;
  /** Names in lower case. Empty ones are left out. */
  readonly properties: ReadonlyMap<string, string>;
  /** What follows the second `::`, decoded. */
  readonly text: string;
  /** The same as it was printed. */
  readonly rawText: string;
}

const ESCAPES: Readonly<Record<string, string>> = { '%25': '%', '%0D': '\r', '%0A': '\n', '%3A': ':', '%2C': ',' };
const decode = (code: string): string => ESCAPES[code] ?? code;

/** The command that the line is, white space before it aside; null where it has not this form. */
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
