/** What makes two subscriptions' selections equal: their fragments, and the variables that their results depend on. */
import {
  type ASTNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  visit,
} from 'graphql';
import type { Variables } from './selectionCompiler.ts';

export const fragmentsOf = (document: DocumentNode): ReadonlyMap<string, FragmentDefinitionNode> =>
  new Map(
    document.definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition]] : [],
    ),
  );

/** The variables, with their defaults, that anything but the root field's arguments uses. */
export const selectionVariables = (
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  rootType: string | undefined,
  values: Variables,
): Variables => {
  const used: Record<string, unknown> = {};
  const defaults = new Map(
    operation.variableDefinitions?.map(({ variable, defaultValue }) => [variable.name.value, defaultValue]),
  );
  const note = (name: string): void => {
    const fallback = defaults.get(name);
    used[name] = Object.hasOwn(values, name)
      ? values[name]
      : fallback?.kind === Kind.BOOLEAN
        ? fallback.value
        : undefined;
  };
  const look = (node: ASTNode): void => {
    visit(node, { [Kind.VARIABLE]: (variable) => note(variable.name.value) });
  };
  /** Skips the root fields' arguments. Fragments are visited one by one. */
  const lookAtRoot = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      selection.directives?.forEach(look);
      if (selection.kind === Kind.INLINE_FRAGMENT) lookAtRoot(selection.selectionSet);
      if (selection.kind === Kind.FIELD && selection.selectionSet) look(selection.selectionSet);
    }
  };
  lookAtRoot(operation.selectionSet);
  for (const { typeCondition, selectionSet } of fragments.values()) {
    if (typeCondition.name.value === rootType) lookAtRoot(selectionSet);
    else look(selectionSet);
  }
  return used;
};
