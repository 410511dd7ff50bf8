/** Errors of arguments, in literals and in variables: one error per argument or variable, with all of its problems. */
import {
  type ASTVisitor,
  type DocumentNode,
  GraphQLError,
  type GraphQLInputType,
  type GraphQLSchema,
  getOperationAST,
  isInputType,
  Kind,
  type OperationDefinitionNode,
  specifiedRules,
  typeFromAST,
  type ValidationContext,
  type ValueNode,
  ValuesOfCorrectTypeRule,
  visit,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { BadUserInput, type InputProblem, inputProblem } from '../../domain/errors.ts';
import { LIMITS } from '../../domain/limits.ts';
import { boundedErrors } from './boundedErrors.ts';
import { refusalError } from './errorMask.ts';
import { problemsOfLiteral, problemsOfValue, withPlainNumbers } from './inputProblems.ts';

const errorOf = (problems: readonly InputProblem[], node: GraphQLError['nodes']): GraphQLError => {
  const { message, extensions } = refusalError(new BadUserInput(problems));
  return new GraphQLError(message, { nodes: node, extensions: { ...extensions, http: { status: 400, spec: true } } });
};

/** Replaces graphql-js' ValuesOfCorrectTypeRule, whose messages repeat values and have no paths. */
const inputLiteralsRule = (context: ValidationContext): ASTVisitor => {
  const check = (node: ValueNode, path: string): void => {
    const type = context.getInputType();
    const problems = type ? problemsOfLiteral(type, node, path) : [];
    if (problems.length > 0) context.reportError(errorOf(problems, [node]));
  };
  return {
    enter: (node) => {
      if (node.kind === Kind.ARGUMENT) check(node.value, node.name.value);
      if (node.kind === Kind.VARIABLE_DEFINITION && node.defaultValue) {
        check(node.defaultValue, node.variable.name.value);
      }
    },
  };
};

/** The rules for the validation of documents. */
export const documentRules = specifiedRules.map((rule) =>
  rule === ValuesOfCorrectTypeRule ? inputLiteralsRule : rule,
);

/** Path of the argument that the variable is used in; the variable's name if it is not used. */
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

type Values = Readonly<Record<string, unknown>>;

interface Execution {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  variableValues?: Values | null | undefined;
}

/** One error for each variable that is not valid. Replaces RawNumbers in valid ones where their types need plain numbers. */
const prepareVariables = (args: Execution): readonly GraphQLError[] => {
  const { schema, document, operationName } = args;
  const operation = getOperationAST(document, operationName);
  if (!operation?.variableDefinitions?.length) return [];
  const errors: GraphQLError[] = [];
  const values: Record<string, unknown> = { ...args.variableValues };
  for (const definition of operation.variableDefinitions) {
    const name = definition.variable.name.value;
    const type = typeFromAST(schema, definition.type);
    if (!isInputType(type)) continue;
    if (Object.hasOwn(values, name) && values[name] !== undefined) values[name] = withPlainNumbers(type, values[name]);
    const problems = variableProblems(document, definition, type, values[name]);
    if (problems.length > 0) errors.push(errorOf(problems, [definition]));
  }
  args.variableValues = values;
  return boundedErrors(errors, LIMITS.documentErrors);
};

const variableProblems = (
  document: DocumentNode,
  definition: NonNullable<OperationDefinitionNode['variableDefinitions']>[number],
  type: GraphQLInputType,
  value: unknown,
): readonly InputProblem[] => {
  const name = definition.variable.name.value;
  if (value === undefined) {
    if (definition.type.kind !== Kind.NON_NULL_TYPE || definition.defaultValue !== undefined) return [];
    return [inputProblem(argumentOf(document, name), `The variable $${name.slice(0, 40)} is required.`)];
  }
  return problemsOfValue(type, value, argumentOf(document, name));
};

interface Outcome {
  readonly data?: unknown;
  readonly errors?: readonly GraphQLError[];
}

/** The result with fewer and shorter errors; null if nothing needs to change. */
const bounded = (result: unknown): Outcome | null => {
  if (typeof result !== 'object' || result === null || !('errors' in result)) return null;
  const { errors, ...rest } = result as Outcome;
  return errors === undefined ? null : { ...rest, errors: boundedErrors(errors, LIMITS.resultErrors) };
};

/** An envelop plugin. It must come before the masking of errors. */
export const inputErrors: Plugin = {
  onExecute: ({ args, setResultAndStopExecution }) => {
    const errors = prepareVariables(args as Execution);
    if (errors.length > 0) setResultAndStopExecution({ errors });
    return {
      onExecuteDone: ({ result, setResult }) => {
        const outcome = bounded(result);
        if (outcome !== null) setResult(outcome as Parameters<typeof setResult>[0]);
      },
    };
  },
  onSubscribe: ({ args, setResultAndStopExecution }) => {
    const errors = prepareVariables(args as Execution);
    if (errors.length > 0) setResultAndStopExecution({ errors });
    return {
      onSubscribeResult: ({ result, setResult }) => {
        const outcome = bounded(result);
        if (outcome !== null) setResult(outcome as Parameters<typeof setResult>[0]);
      },
    };
  },
};
