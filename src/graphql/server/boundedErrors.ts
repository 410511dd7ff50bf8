/**
 * Errors as they may leave: few, short, and without the values that a client sent, which can be secrets. graphql-js
 * repeats names, literals and whole objects in its messages, once per error.
 */
import { GraphQLError } from 'graphql';
import type { InputProblem } from '../../domain/errors.ts';
import { LIMITS } from '../../domain/limits.ts';

/** Places of one error that are told. */
const MAX_LOCATIONS = 4;
/** Messages of graphql-js about a value; what follows the last colon is the value itself. */
const ABOUT_A_VALUE = /^(?:Expected value of type |Enum "|[^:]* cannot represent )/;
const VALUE = /(?:[,;.?] ?found)?: .*$/is;
/** The token that a syntax error complains about, where it carries a value. */
const TOKEN_VALUE = /\b(String|BlockString|Int|Float) ".*/s;

/** The text, cut at LIMITS.errorCharacters. */
const clip = (text: string): string =>
  text.length <= LIMITS.errorCharacters ? text : `${text.slice(0, LIMITS.errorCharacters)}…`;

/** What was found goes; a question ("Did you mean …?") keeps its mark. */
const withoutValue = (message: string): string => {
  if (message.startsWith('Syntax Error')) return message.replace(TOKEN_VALUE, '$1.');
  if (!ABOUT_A_VALUE.test(message)) return message;
  return message.replace(VALUE, (found) => (found.startsWith('?') ? '?' : '.'));
};

/** The error with a message of bounded length and few places; the same object where nothing is to be changed. */
export const boundedError = (error: GraphQLError): GraphQLError => {
  const message = clip(withoutValue(error.message));
  const { nodes, positions } = error;
  const fits = (nodes?.length ?? 0) <= MAX_LOCATIONS && (positions?.length ?? 0) <= MAX_LOCATIONS;
  if (message === error.message && fits) return error;
  return new GraphQLError(message, {
    nodes: nodes?.slice(0, MAX_LOCATIONS),
    source: error.source,
    positions: positions?.slice(0, MAX_LOCATIONS),
    path: error.path,
    extensions: error.extensions,
    // Of an error without a cause graphql-js makes itself the cause.
    ...(error.originalError === undefined ? {} : { originalError: error.originalError }),
  });
};

/** At most `most` of them; where some are left out, a last one says so. */
export const boundedErrors = (errors: readonly GraphQLError[], most: number): readonly GraphQLError[] => {
  const told = errors.slice(0, most).map(boundedError);
  return errors.length <= most
    ? told
    : [
        ...told,
        new GraphQLError(`${errors.length - most} more errors are left out.`, {
          extensions: { code: 'LIMIT_EXCEEDED' },
        }),
      ];
};

/** A suggestion at the end of a message, by graphql-js or by inputProblems.ts. */
const SUGGESTION = / ?Did you mean [^?]*\?/g;

/** The error without names that the client did not send. */
export const withoutSuggestions = (error: GraphQLError): GraphQLError => {
  if (!JSON.stringify(error).includes('Did you mean')) return error;
  const { problems } = error.extensions as { readonly problems?: readonly InputProblem[] };
  const strip = (text: string): string => text.replace(SUGGESTION, '');
  return new GraphQLError(strip(error.message), {
    nodes: error.nodes,
    source: error.source,
    positions: error.positions,
    path: error.path,
    extensions: {
      ...error.extensions,
      ...(problems && { problems: problems.map((one) => ({ ...one, message: strip(one.message) })) }),
    },
  });
};
