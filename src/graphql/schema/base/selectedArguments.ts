/** What a document asks of a field below the one that is being resolved. */
import {
  type FieldNode,
  type GraphQLField,
  GraphQLIncludeDirective,
  type GraphQLResolveInfo,
  GraphQLSkipDirective,
  getArgumentValues,
  getDirectiveValues,
  getNamedType,
  isObjectType,
  Kind,
  type SelectionSetNode,
} from 'graphql';

/** The arguments of each selection of this field in the resolved object; empty if it is not selected. */
export const selectedArguments = (
  info: GraphQLResolveInfo,
  name: string,
): readonly Readonly<Record<string, unknown>>[] => {
  const type = getNamedType(info.returnType);
  const field: GraphQLField<unknown, unknown> | undefined = isObjectType(type) ? type.getFields()[name] : undefined;
  if (field === undefined) return [];
  const nodes = info.fieldNodes.flatMap(({ selectionSet }) => fieldsIn(selectionSet, info));
  return nodes
    .filter((node) => node.name.value === name)
    .map((node) => getArgumentValues(field, node, info.variableValues));
};

/** Validation has refused fragments that contain themselves. */
const fieldsIn = (set: SelectionSetNode | undefined, info: GraphQLResolveInfo): readonly FieldNode[] =>
  (set?.selections ?? []).flatMap((node) => {
    if (getDirectiveValues(GraphQLSkipDirective, node, info.variableValues)?.if === true) return [];
    if (getDirectiveValues(GraphQLIncludeDirective, node, info.variableValues)?.if === false) return [];
    if (node.kind === Kind.FIELD) return [node];
    const { selectionSet } = node.kind === Kind.INLINE_FRAGMENT ? node : (info.fragments[node.name.value] ?? {});
    return fieldsIn(selectionSet, info);
  });
