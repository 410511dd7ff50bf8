/** A plugin of graphql-codegen: index.ts, which exports all that is generated. That of the preset has no documents. */
export const plugin = (): string => `export * from './gql';
export * from './graphql';
export * from './possibleTypes';
`;
