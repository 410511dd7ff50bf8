export * from './gql';
export * from './graphql';
export * from './possibleTypes';
