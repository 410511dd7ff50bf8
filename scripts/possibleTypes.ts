/** A plugin of graphql-codegen: the possible types of interfaces and unions, in the form of Apollo's InMemoryCache. */
import { type GraphQLSchema, isAbstractType } from 'graphql';

export const plugin = (schema: GraphQLSchema): string => {
  const abstract = Object.values(schema.getTypeMap()).filter((type) => isAbstractType(type));
  const entries = abstract
    .filter(({ name }) => !name.startsWith('__'))
    .map(
      (type) =>
        [
          type.name,
          schema
            .getPossibleTypes(type)
            .map(({ name }) => name)
            .sort(),
        ] as const,
    )
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return `/** For new InMemoryCache({ possibleTypes }). */
export const possibleTypes: Record<string, string[]> = ${JSON.stringify(Object.fromEntries(entries), null, 2)};
`;
};
