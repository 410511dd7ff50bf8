/** A plugin of graphql-codegen: index.ts exports all generated files. The index of the preset exports no documents. */
export const plugin = (): string => `export * from './gql';
export * from './graphql';
export * from './possibleTypes';
`;
