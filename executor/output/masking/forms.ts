/** The forms in which a secret can appear in output: escaped and encoded as programs do (docs/reference/masking.md). */

/** Secrets of up to so many characters are masked as they are and in no other form: forms so short are everywhere. */
const SHORT_CHARACTERS = 3;
/**
 * Of a longer secret only the forms in JSON, URIs, hexadecimal and base64 are masked: all forms would take megabytes.
 */
const LARGE_CHARACTERS = 16 * 1024;
/** Line lengths of `base64` and `openssl`. The encoding of a longer secret is spread over several lines. */
const BASE64_WRAPS = [76, 64] as const;

interface SecretForms {
  /** Masked anywhere. Without line breaks, because text is masked line by line. */
  readonly anywhere: ReadonlySet<string>;
  /** Short lines of a secret with several lines. Masked only as whole lines, else every "if" would be. */
  readonly wholeLines: ReadonlySet<string>;
}

/**
 * The forms of a secret: the value, its lines, and its forms in JSON, URIs, XML, shells, hexadecimal and base64. A
 * secret inside a longer text has one of three forms in base64. A blank value has no forms: masking it would spoil
 * every line.
 */
export const formsOf = (secret: string): SecretForms => {
  const anywhere = new Set<string>();
  const wholeLines = new Set<string>();
  const value = secret.toWellFormed();
  if (value.trim() === '') return { anywhere, wholeLines };
  const lines = value.split(/\r\n|\r|\n/).filter((line) => line.trim() !== '');
  if (lines.length === 1 && [...value].length <= SHORT_CHARACTERS) {
    return { anywhere: anywhere.add(lines[0] ?? value), wholeLines };
  }
  for (const line of lines) {
    const text = line.trim();
    if ([...text].length > SHORT_CHARACTERS) {
      anywhere.add(line).add(text);
      addEscaped(anywhere, text);
    } else if (lines.length === 1) anywhere.add(text);
    else if (/[\p{L}\p{N}]/u.test(text)) wholeLines.add(text);
  }
  for (const part of partsOf(value)) {
    anywhere.add(part);
    addEscaped(anywhere, part);
  }
  for (const whole of new Set([value, value.trim()])) {
    if ([...whole].length <= SHORT_CHARACTERS) continue;
    addEscaped(anywhere, whole);
    addBase64(anywhere, Buffer.from(whole));
  }
  return { anywhere, wholeLines };
};

/** Shorter parts are not masked. */
const PART_CHARACTERS = 6;

/**
 * Parts of a value that programs print alone: the value without its double quotes; before and after an ampersand, which
 * PowerShell prints in two colours (as GitHub's runner masks them).
 */
const partsOf = (value: string): string[] => {
  const parts: string[] = [];
  const text = value.trim();
  if (/[\r\n]/.test(text)) return parts;
  if (text.startsWith('"') && text.endsWith('"')) parts.push(text.slice(1, -1));
  const plus = text.indexOf('&+');
  const end = plus < 0 ? text.lastIndexOf('&') + 1 : plus + 2;
  if (end > 0) parts.push(text.slice(0, end), text.slice(end));
  return parts.filter((part) => part.trim().length >= PART_CHARACTERS);
};

const codePoint = (letter: string, digits: number): string => letter.charCodeAt(0).toString(16).padStart(digits, '0');

/** Workflow commands decode these in messages and properties, also where a secret contains them by chance. */
const COMMAND_ESCAPES: Readonly<Record<string, string>> = {
  '%25': '%',
  '%0D': '\r',
  '%0A': '\n',
  '%3A': ':',
  '%2C': ',',
};
const decoded = (text: string, codes: RegExp): string => text.replace(codes, (code) => COMMAND_ESCAPES[code] ?? code);

/** Adds the escaped forms of a value. Some are equal to the value. */
const addEscaped = (forms: Set<string>, value: string): void => {
  const isLarge = value.length > LARGE_CHARACTERS;
  const all = [...jsonForms(value), ...uriForms(value), ...(isLarge ? [] : [...xmlForms(value), ...shellForms(value)])];
  const escaped = new Set(all);
  const hex = Buffer.from(value).toString('hex');
  escaped.add(hex).add(hex.toUpperCase());
  for (const form of [value, ...escaped]) {
    if (form.includes('%')) escaped.add(decoded(form, /%(?:25|0D|0A)/g)).add(decoded(form, /%(?:25|0D|0A|3A|2C)/g));
  }
  for (const form of escaped) {
    // A decoded line break splits the form.
    for (const line of form.split(/[\r\n]+/)) if (line.length > SHORT_CHARACTERS) forms.add(line);
  }
};

const jsonForms = (value: string): string[] => {
  const json = JSON.stringify(value).slice(1, -1);
  const coded = (text: string, letters: RegExp): string =>
    text.replace(letters, (letter) => `\\u${codePoint(letter, 4)}`);
  const ascii = coded(json, /[\u007f-\uffff]/g);
  const once = [
    json,
    ascii,
    // Go's encoding/json escapes special characters of HTML; Gson escapes "=" and "'" too.
    coded(json, /[<>&\u2028\u2029]/g),
    coded(json, /[<>&=\u2028\u2029']/g),
    json.replaceAll('/', '\\/'),
    ascii.replaceAll('/', '\\/'),
    // .NET's System.Text.Json escapes the quotation mark and "+" too.
    coded(json.replaceAll('\\"', '\\u0022'), /[<>&'+`\u007f-\uffff]/g),
  ];
  const upper = once.map((form) => form.replace(/\\u[0-9a-f]{4}/g, (code) => `\\u${code.slice(2).toUpperCase()}`));
  // JSON inside a string of JSON.
  const twice = [...once, ...upper].map((form) => JSON.stringify(form).slice(1, -1));
  return [...once, ...upper, ...twice];
};

const uriForms = (value: string): string[] => {
  const uri = encodeURIComponent(value);
  const strict = uri.replace(/[!'()*]/g, (letter) => `%${codePoint(letter, 2).toUpperCase()}`);
  const forms = [
    encodeURI(value),
    uri,
    strict,
    // Python's urllib.parse.quote keeps the slash.
    strict.replaceAll('%2F', '/'),
    // URLSearchParams, Java and PHP.
    strict.replaceAll('%2A', '*').replaceAll('~', '%7E'),
    strict.replaceAll('~', '%7E'),
  ];
  const spaced = [...forms, ...forms.map((form) => form.replaceAll('%20', '+'))];
  return [...spaced, ...spaced.map((form) => form.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()))];
};

/** XML and HTML entities: those that are required, and those that libraries also use. */
const xmlForms = (value: string): string[] => {
  const least = value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const quoted = ['"', '&quot;', '&#34;', '&#x22;'].flatMap((quote) =>
    ["'", '&apos;', '&#39;', '&#x27;', '&#039;'].map((apostrophe) =>
      least.replaceAll('"', quote).replaceAll("'", apostrophe),
    ),
  );
  return [value.replaceAll('&', '&amp;').replaceAll('<', '&lt;'), ...quoted];
};

/** Arguments as shells print them (`set -x`, `printf %q`), and as programs quote them for shells. */
const shellForms = (value: string): string[] => [
  value.replaceAll("'", String.raw`'\''`),
  value.replaceAll("'", `'"'"'`),
  // Expressions of GitHub, SQL, YAML, PowerShell.
  value.replaceAll("'", "''"),
  value.replace(/[\\"$`]/g, String.raw`\$&`),
  value.replace(/[\\"$`!]/g, String.raw`\$&`),
  value.replace(/[^\w%+\-./:=@\u0080-\uffff]/g, String.raw`\$&`),
  value.replace(/[^\w%+\-./:=@,\u0080-\uffff]/g, String.raw`\$&`),
  value.replace(/[\\']/g, String.raw`\$&`),
];

const addBase64 = (forms: Set<string>, bytes: Buffer): void => {
  const add = (form: string): void => {
    if (form.length > SHORT_CHARACTERS) forms.add(form).add(form.replaceAll('+', '-').replaceAll('/', '_'));
  };
  const alone = bytes.toString('base64');
  add(alone);
  add(alone.replace(/=+$/, ''));
  for (const before of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    // Only characters that have no bits of the neighbouring bytes.
    const from = Math.ceil((before * 8) / 6);
    const to = Math.floor(((before + bytes.length) * 8) / 6);
    add(encoded.slice(from, to));
    add(encoded.slice(from).replace(/=+$/, ''));
  }
  // The last character differs if a line break follows the secret (`echo "$SECRET" | base64`).
  for (const text of [alone.replace(/=+$/, ''), alone.slice(0, Math.floor((bytes.length * 8) / 6))]) {
    for (const wrap of BASE64_WRAPS) {
      for (let at = 0; at < text.length; at += wrap) add(text.slice(at, at + wrap));
    }
  }
};
