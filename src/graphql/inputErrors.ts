/**
 * Errors of variables, as graphql-js words them, get a code, the argument's path and no value: what was
 * given can be a secret.
 */
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  getVariableValues,
  Kind,
  type ValueNode,
  visit,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { LIMITS } from '../domain/limits.ts';
import { boundedErrors } from './boundedErrors.ts';

const VARIABLE = /^Variable "\$(\w+)"/;
const AT = / at (?:"\w+)?((?:\.\w+|\[\d+\])+)"?$/;
/** The end of graphql-js' messages that repeats what was given. */
const GIVEN = /(?:, found)?: .*$/s;

/** Where the variable is used: the path of the argument that it is, or is a part of. */
const argumentOf = (document: DocumentNode, variable: string): string => {
  let found: string | null = null;
  const search = (value: ValueNode, path: string): void => {
    switch (value.kind) {
      case Kind.VARIABLE:
        if (value.name.value === variable) found ??= path;
        break;
      case Kind.LIST:
        for (const [index, item] of value.values.entries()) search(item, `${path}.${index}`);
        break;
      case Kind.OBJECT:
        for (const field of value.fields) search(field.value, `${path}.${field.name.value}`);
        break;
      default:
    }
  };
  visit(document, {
    enter: (node) => {
      if (node.kind === Kind.ARGUMENT) search(node.value, node.name.value);
    },
  });
  return found ?? variable;
};

/** The error with what CONTRACT.md asks for, or as it is where it is not about a variable. */
export const inputError = (error: GraphQLError, document: DocumentNode): GraphQLError => {
  const variable = VARIABLE.exec(error.message)?.[1];
  if (variable === undefined) return error;
  const cause = error.originalError ?? error.cause;
  const reason = cause instanceof Error ? cause.message : null;
  const prefix = reason === null ? error.message : error.message.slice(0, -(reason.length + 2));
  const within = AT.exec(prefix)?.[1] ?? '';
  const argument = argumentOf(document, variable) + within.replaceAll(/\[(\d+)\]/g, '.$1');
  const said = reason === null ? error.message : `"${argument}" is not valid: ${reason.replace(GIVEN, '.')}`;
  return new GraphQLError(said, {
    nodes: error.nodes,
    extensions: { code: 'BAD_USER_INPUT', argument, http: { status: 400, spec: true } },
  });
};

interface Execution {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variableValues?: unknown;
}

/** What is wrong with the variables; at most LIMITS.documentErrors, where the executor finds 50 and repeats all of the value in each. */
const variableErrors = ({
  schema,
  document,
  operationName,
  variableValues,
}: Execution): readonly GraphQLError[] | null => {
  const definitions = getOperationAST(document, operationName)?.variableDefinitions;
  if (!definitions?.length) return null;
  const values = (variableValues ?? {}) as Readonly<Record<string, unknown>>;
  const { errors } = getVariableValues(schema, definitions, values, { maxErrors: LIMITS.documentErrors });
  if (errors === undefined) return null;
  return boundedErrors(
    errors.map((error) => inputError(error, document)),
    LIMITS.documentErrors,
  );
};

interface Outcome {
  readonly data?: unknown;
  readonly errors?: readonly GraphQLError[];
}

/** The result with errors that are few and short, those of variables named; null where nothing is to be changed. */
const told = (result: unknown, document: DocumentNode): Outcome | null => {
  if (typeof result !== 'object' || result === null || !('errors' in result)) return null;
  const { errors, ...rest } = result as Outcome;
  if (errors === undefined) return null;
  const named = 'data' in result ? errors : errors.map((error) => inputError(error, document));
  return { ...rest, errors: boundedErrors(named, LIMITS.resultErrors) };
};

/** An envelop plugin; it must stand before the masking of errors. */
export const inputErrors: Plugin = {
  onExecute: ({ args, setResultAndStopExecution }) => {
    const errors = variableErrors(args);
    if (errors !== null) setResultAndStopExecution({ errors });
    return {
      onExecuteDone: ({ result, setResult }) => {
        const outcome = told(result, args.document);
        if (outcome !== null) setResult(outcome as Parameters<typeof setResult>[0]);
      },
    };
  },
  onSubscribe: ({ args, setResultAndStopExecution }) => {
    const errors = variableErrors(args);
    if (errors !== null) setResultAndStopExecution({ errors });
    return {
      onSubscribeResult: ({ result, setResult }) => {
        const outcome = told(result, args.document);
        if (outcome !== null) setResult(outcome as Parameters<typeof setResult>[0]);
      },
    };
  },
};
