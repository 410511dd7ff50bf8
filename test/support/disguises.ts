/** How programs print a secret: the forms that docs/reference/masking.md promises to hide. */

export const hex = (text: string): string => Buffer.from(text).toString('hex');
const upperCodes = (text: string): string =>
  text.replace(/\\u[0-9a-f]{4}/g, (code) => `\\u${code.slice(2).toUpperCase()}`);
const ascii = (text: string): string =>
  text.replace(/[\u007f-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
const json = (text: string): string => JSON.stringify(text).slice(1, -1);
const xml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const strict = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);

/** The forms that docs/reference/masking.md promises. */
export const DISGUISES: Readonly<Record<string, (secret: string) => string>> = {
  unchanged: (text) => text,
  JSON: json,
  'JSON in ASCII': (text) => ascii(json(text)),
  'JSON in ASCII, upper case': (text) => upperCodes(ascii(json(text))),
  'JSON in JSON': (text) => json(json(text)),
  'JSON in JSON in ASCII': (text) => json(ascii(json(text))),
  'JSON of Go': (text) =>
    json(text).replace(/[<>&\u2028\u2029]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`),
  'JSON of PHP': (text) => ascii(json(text)).replaceAll('/', '\\/'),
  'a URI': encodeURI,
  'a URI component': encodeURIComponent,
  'RFC 3986': strict,
  "Python's quote": (text) => strict(text).replaceAll('%2F', '/'),
  "Python's quote_plus": (text) => strict(text).replaceAll('%20', '+'),
  'a form': (text) => new URLSearchParams({ a: text }).toString().slice(2),
  'lower-case percent codes': (text) => strict(text).replace(/%../g, (code) => code.toLowerCase()),
  XML: xml,
  'XML attribute': (text) => xml(text).replaceAll('"', '&quot;').replaceAll("'", '&apos;'),
  'HTML of Go': (text) => xml(text).replaceAll('"', '&#34;').replaceAll("'", '&#39;'),
  'HTML of Python': (text) => xml(text).replaceAll('"', '&quot;').replaceAll("'", '&#x27;'),
  hexadecimal: hex,
  'hexadecimal, upper case': (text) => hex(text).toUpperCase(),
  base64: (text) => Buffer.from(text).toString('base64'),
  'base64 without padding': (text) => Buffer.from(text).toString('base64').replace(/=+$/, ''),
  base64url: (text) => Buffer.from(text).toString('base64url'),
  'single quotes': (text) => text.replaceAll("'", `'\\''`),
  "Python's shlex.quote": (text) => text.replaceAll("'", `'"'"'`),
  'double quotes': (text) => text.replace(/[\\"$`]/g, '\\$&'),
  "GitHub's expressions": (text) => text.replaceAll("'", "''"),
};

/** Sequences that terminals do not show: colours, other control sequences, a link, a character set, a title. */
export const SEQUENCES: readonly [string, ...string[]] = [
  '\u001b[1m',
  '\u001b[38;2;255;0;10m',
  '\u001b[0K',
  '\u001b[?25l',
  '\u001b]8;;https://example.com\u001b\\',
  '\u001b]0;title\u0007',
  '\u001b(B',
  '\u001b7',
];
/** Without these sequences. */
export const stripped = (text: string): string =>
  SEQUENCES.reduce((rest, sequence) => rest.replaceAll(sequence, ''), text);
