/** Text with ANSI sequences as spans: colours and styles only. Everything else that a terminal would obey is removed. */
import Anser from 'anser';

export interface TextSpan {
  readonly text: string;
  readonly className: string;
  /** 256 and true colours, as CSS; the 16 named ones are classes, which the theme colours. */
  readonly color: string | null;
  readonly background: string | null;
}

const ESCAPE = '\u001b';
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the control characters to remove
const OSC = /(?:\u001b\]|\u009d)[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: charset selections and other short escapes
const SHORT = /\u001b(?:[()*+#%][0-9A-Za-z]|[=><78DEHMNOVWXZc])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters that have no meaning in a line
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Where the last state of a line that a command has written several times (CR) begins and ends. */
const lastStateOf = (text: string): readonly [from: number, to: number] => {
  let end = text.length;
  while (end > 0 && text[end - 1] === '\r') end -= 1;
  return [text.lastIndexOf('\r', end - 1) + 1, end];
};
const lastState = (text: string): string => (text.includes('\r') ? text.slice(...lastStateOf(text)) : text);

const LEVELS = [0, 95, 135, 175, 215, 255];
/** Colour n of xterm's 256: 16 to 231 are a cube, 232 to 255 are grey. */
const paletteColor = (n: number): string => {
  if (n >= 232) return `rgb(${[0, 0, 0].map(() => 8 + (n - 232) * 10).join(', ')})`;
  const cube = n - 16;
  const parts = [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6];
  return `rgb(${parts.map((part) => LEVELS[part] ?? 0).join(', ')})`;
};

/** Anser's name of a colour: `ansi-red`, `ansi-palette-200` or `ansi-truecolor`. */
const cssColor = (name: string | null, truecolor: string | null): string | null => {
  if (name === 'ansi-truecolor') return truecolor === null ? null : `rgb(${truecolor})`;
  const palette = /^ansi-palette-(\d+)$/.exec(name ?? '');
  return palette === null ? null : paletteColor(Number(palette[1]));
};
const isNamed = (name: string | null): boolean => name !== null && cssColor(name, '') === null;

export const spansOf = (message: string): readonly TextSpan[] => {
  const text = lastState(message);
  if (!text.includes(ESCAPE) && !text.includes('\u009d')) {
    return [{ text: text.replace(CONTROLS, '\ufffd'), className: '', color: null, background: null }];
  }
  const entries = Anser.ansiToJson(text.replace(OSC, '').replace(SHORT, ''), {
    use_classes: true,
    remove_empty: true,
    json: true,
  });
  return entries.map(({ content, fg, bg, fg_truecolor, bg_truecolor, decorations }) => {
    const [front, back] = [fg as string | null, bg as string | null];
    const classes = [
      isNamed(front) ? front : '',
      isNamed(back) ? `${back}-bg` : '',
      ...decorations.map((decoration) => `ansi-${decoration}`),
    ];
    return {
      text: content.replace(CONTROLS, ''),
      className: classes.filter(Boolean).join(' '),
      color: cssColor(front, fg_truecolor as string | null),
      background: cssColor(back, bg_truecolor as string | null),
    };
  });
};

/** How long the shown text of a message is up to a place in the message, UTF-16 units. */
export const plainLength = (message: string, end: number): number => {
  const [from, to] = lastStateOf(message);
  const part = message.slice(from, Math.min(end, to));
  return part.includes(ESCAPE) || part.includes('\u009d') || !message.includes(ESCAPE)
    ? plainText(part).length
    : plainText(`${part}${ESCAPE}[m`).length;
};

export const plainText = (message: string): string =>
  spansOf(message)
    .map(({ text }) => text)
    .join('');
