/** The shapes in which a secret may turn up in a command's output. */

/** Secrets up to this many characters are masked as they are, in no other form: those would be everywhere. */
const SHORT_CHARACTERS = 3;
/** Where `base64` and `openssl` break their lines; a secret longer than that is spread over several. */
const BASE64_WRAPS = [76, 64] as const;

interface SecretForms {
  /** To be masked wherever they stand. Without line breaks: a text is masked line by line. */
  readonly anywhere: ReadonlySet<string>;
  /** Short lines of a secret of several lines: masked where they are a whole line, or every "if" would go. */
  readonly wholeLines: ReadonlySet<string>;
}

/**
 * The value; its lines; its JSON, URI (percent and form) and base64 forms, the last at each of the three
 * places that it can have in an encoded text. Blank values have no form: masking them would hide nothing
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

const addEscaped = (forms: Set<string>, value: string): void => {
  const json = JSON.stringify(value).slice(1, -1);
  const ascii = json.replace(/[\u007f-\uffff]/g, (letter) => `\\u${codePoint(letter, 4)}`);
  // Go's encoding/json escapes what HTML would act on
  const html = json.replace(/[<>&\u2028\u2029]/g, (letter) => `\\u${codePoint(letter, 4)}`);
  const uri = encodeURIComponent(value);
  const strict = uri.replace(/[!'()*]/g, (letter) => `%${codePoint(letter, 2).toUpperCase()}`);
  for (const form of [json, ascii, html, json.replaceAll('/', '\\/'), encodeURI(value)]) forms.add(form);
  for (const form of [uri, strict, uri.replaceAll('%20', '+'), strict.replaceAll('%20', '+')]) {
    forms.add(form).add(form.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()));
  }
  for (const form of forms) if (/[\r\n]/.test(form)) forms.delete(form);
};

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
