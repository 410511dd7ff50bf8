/** The shapes in which a secret may turn up in a command's output. */

/** Secrets up to this many characters are masked as they are, in no other form: those would be everywhere. */
const SHORT_CHARACTERS = 3;
/** Of a larger secret only the forms in JSON, URIs, hexadecimal and base64 are looked for: all would be megabytes. */
const LARGE_CHARACTERS = 16 * 1024;
/** Where `base64` and `openssl` break their lines; a secret longer than that is spread over several. */
const BASE64_WRAPS = [76, 64] as const;

interface SecretForms {
  /** To be masked wherever they stand. Without line breaks: a text is masked line by line. */
  readonly anywhere: ReadonlySet<string>;
  /** Short lines of a secret of several lines: masked where they are a whole line, or every "if" would go. */
  readonly wholeLines: ReadonlySet<string>;
}

/**
 * The value; its lines; its forms in JSON, URIs, XML, shells, hexadecimal and base64, the last at each of the three
 * places that it can have in an encoded text (docs/reference/masking.md). Blank values have no form: masking them would hide nothing
 * and spoil every line.
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
  for (const whole of new Set([value, value.trim()])) {
    if ([...whole].length <= SHORT_CHARACTERS) continue;
    addEscaped(anywhere, whole);
    addBase64(anywhere, Buffer.from(whole));
  }
  return { anywhere, wholeLines };
};

const codePoint = (letter: string, digits: number): string => letter.charCodeAt(0).toString(16).padStart(digits, '0');

/** What the escapes of workflow commands leave of a text in which they stand by chance: in a message, in a property. */
const COMMAND_ESCAPES: Readonly<Record<string, string>> = {
  '%25': '%',
  '%0D': '\r',
  '%0A': '\n',
  '%3A': ':',
  '%2C': ',',
};
const decoded = (text: string, codes: RegExp): string => text.replace(codes, (code) => COMMAND_ESCAPES[code] ?? code);

/** The escaped forms of a value, those that are the value itself too. */
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
    // a decoded line break divides it
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
    // Go's encoding/json escapes what HTML would act on, Gson "=" and "'" too
    coded(json, /[<>&\u2028\u2029]/g),
    coded(json, /[<>&=\u2028\u2029']/g),
    json.replaceAll('/', '\\/'),
    ascii.replaceAll('/', '\\/'),
    // .NET's System.Text.Json escapes the quotation mark and "+" like that
    coded(json.replaceAll('\\"', '\\u0022'), /[<>&'+`\u007f-\uffff]/g),
  ];
  const upper = once.map((form) => form.replace(/\\u[0-9a-f]{4}/g, (code) => `\\u${code.slice(2).toUpperCase()}`));
  // JSON within a text of JSON
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
    // urllib.parse.quote of Python leaves the slash
    strict.replaceAll('%2F', '/'),
    // forms of URLSearchParams, Java and PHP
    strict.replaceAll('%2A', '*').replaceAll('~', '%7E'),
    strict.replaceAll('~', '%7E'),
  ];
  const spaced = [...forms, ...forms.map((form) => form.replaceAll('%20', '+'))];
  return [...spaced, ...spaced.map((form) => form.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()))];
};

/** Entities of XML and HTML: what must be escaped, and what libraries escape besides. */
const xmlForms = (value: string): string[] => {
  const least = value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const quoted = ['"', '&quot;', '&#34;', '&#x22;'].flatMap((quote) =>
    ["'", '&apos;', '&#39;', '&#x27;', '&#039;'].map((apostrophe) =>
      least.replaceAll('"', quote).replaceAll("'", apostrophe),
    ),
  );
  return [value.replaceAll('&', '&amp;').replaceAll('<', '&lt;'), ...quoted];
};

/** Arguments as shells print them (`set -x`, `printf %q`), and as programs write them for shells. */
const shellForms = (value: string): string[] => [
  value.replaceAll("'", String.raw`'\''`),
  value.replaceAll("'", `'"'"'`),
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
    // only what no neighbour has a bit in
    const from = Math.ceil((before * 8) / 6);
    const to = Math.floor(((before + bytes.length) * 8) / 6);
    add(encoded.slice(from, to));
    add(encoded.slice(from).replace(/=+$/, ''));
  }
  // with a line break of its own behind it (`echo "$SECRET" | base64`) its last character is another
  for (const text of [alone.replace(/=+$/, ''), alone.slice(0, Math.floor((bytes.length * 8) / 6))]) {
    for (const wrap of BASE64_WRAPS) {
      for (let at = 0; at < text.length; at += wrap) add(text.slice(at, at + wrap));
    }
  }
};
