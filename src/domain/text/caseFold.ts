/**
 * Case-insensitive comparison: two characters are equal if their simple case foldings are (Unicode's CaseFolding.txt, C
 * and S), as in RE2's `(?i)`. So ſ equals s, K (Kelvin) equals k, and ß equals ẞ but not ss. A text keeps its length in
 * UTF-16 units, so places in the folded text are places in the text.
 */

/** The only letter whose lower case is longer: it equals no other letter. */
const DOTTED_I = 'İ';

/** Lower-case letters that equal another lower-case letter. */
const SAME: Readonly<Record<string, string>> = {
  ...{ ſ: 's', ς: 'σ', µ: 'μ', '\u0345': 'ι', '\u1fbe': 'ι', '\u1fd3': 'ΐ', '\u1fe3': 'ΰ', ẛ: 'ṡ', ﬅ: 'ﬆ' },
  ...{ ϐ: 'β', ϵ: 'ε', ϑ: 'θ', ϰ: 'κ', ϖ: 'π', ϱ: 'ρ', ϕ: 'φ' },
  ...{ ᲀ: 'в', ᲁ: 'д', ᲂ: 'о', ᲃ: 'с', ᲄ: 'т', ᲅ: 'т', ᲆ: 'ъ', ᲇ: 'ѣ', ᲈ: 'ꙋ' },
};
const SAME_LETTERS = new RegExp(`[${Object.keys(SAME).join('')}]`, 'g');

const folded = (text: string): string => text.toLowerCase().replace(SAME_LETTERS, (letter) => SAME[letter] ?? letter);

/** The text with each letter replaced by one that stands for all that are equal to it. */
export const foldCase = (text: string): string =>
  text.includes(DOTTED_I) ? text.split(DOTTED_I).map(folded).join(DOTTED_I) : folded(text);
