/**
 * Makes errors safe to send: few, short, and without values that a client sent, which can be secrets. graphql-js repeats
 * names, literals and whole objects in its messages, once per error.
 */
import { GraphQLError } from 'graphql';
import type { InputProblem } from '../../domain/errors.ts';
import { LIMITS } from '../../domain/limits.ts';

/** Locations of one error that are sent. */
const MAX_LOCATIONS = 4;
/** Messages of graphql-js about a value. The value follows the last colon. */
const ABOUT_A_VALUE = /^(?:Expected value of type |Enum "|[^:]* cannot represent )/;
const VALUE = /(?:[,;.?] ?found)?: .*$/is;
/** The token of a syntax error, if it has a value. */
const TOKEN_VALUE = /\b(String|BlockString|Int|Float) ".*/s;

/** The text, cut at LIMITS.errorCharacters. */
const clip = (text: string): string =>
  text.length <= LIMITS.errorCharacters ? text : `${text.slice(0, LIMITS.errorCharacters)}…`;

/** Removes the value; a question ("Did you mean …?") keeps its question mark. */
const withoutValue = (message: string): string => {
  if (message.startsWith('Syntax Error')) return message.replace(TOKEN_VALUE, '$1.');
  if (!ABOUT_A_VALUE.test(message)) return message;
  return message.replace(VALUE, (found) => (found.startsWith('?') ? '?' : '.'));
};

/** The error with a short message and few locations; the same object if nothing needs to change. */
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
    // graphql-js would make an error without a cause its own cause.
    ...(error.originalError === undefined ? {} : { originalError: error.originalError }),
  });
};

/** The first `most` errors. If there are more, one more error says how many. */
export const boundedErrors = (errors: readonly GraphQLError[], most: number): readonly GraphQLError[] => {
  const kept = errors.slice(0, most).map(boundedError);
  return errors.length <= most
    ? kept
    : [
        ...kept,
        new GraphQLError(`${errors.length - most} more errors are not shown. Fix these first.`, {
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
