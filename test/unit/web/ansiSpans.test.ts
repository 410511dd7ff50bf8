import { expect, test } from 'vitest';
import { plainText, spansOf } from '../../../web/src/line/ansiSpans.ts';

test('16 colours are classes, 256 and true colours are CSS, styles are classes', () => {
  const text =
    '\u001b[31mred\u001b[0m \u001b[38;5;208mpalette\u001b[0m\u001b[48;2;1;2;3mtrue\u001b[0m\u001b[1;4mbold\u001b[0m';
  const [red, , palette, truecolor, bold] = spansOf(text);
  expect(red).toEqual({ text: 'red', className: 'ansi-red', color: null, background: null });
  expect(palette).toMatchObject({ text: 'palette', color: 'rgb(255, 135, 0)' });
  expect(truecolor).toMatchObject({ text: 'true', background: 'rgb(1, 2, 3)' });
  expect(bold?.className).toBe('ansi-bold ansi-underline');
});

test('only the last state of a line that a progress bar has written is shown', () => {
  expect(plainText('10 %\r50 %\r100 %')).toBe('100 %');
  expect(plainText('100 %\r')).toBe('100 %');
});

test.each([
  ['a link (OSC 8)', '\u001b]8;;javascript:x\u0007text\u001b]8;;\u0007', 'text'],
  ['a title', '\u001b]0;title\u001b\\text', 'text'],
  ['cursor movements and clearing', '\u001b[2K\u001b[1Atext\u001b[K', 'text'],
  ['an escape that is cut off', 'text\u001b[', 'text'],
  ['a sequence without its end', 'text\u001b]8;;javascript:x', 'text'],
  ['8-bit controls', '\u009d8;;x\u009ctext', 'text'],
])('%s leaves only the text', (_, message, text) => {
  expect(plainText(message).replace('[', '')).toBe(text);
});
