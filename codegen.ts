/**
 * `npm run codegen`: makes schema/generated from schema/schema.graphql and schema/operations, for every client in
 * TypeScript. Clients copy schema/ and need nothing else of this repository.
 */
import type { CodegenConfig } from '@graphql-codegen/cli';

const config: CodegenConfig = {
  schema: 'schema/schema.graphql',
  documents: 'schema/operations/*.graphql',
  // Bundlers and Next.js' tsconfig take no endings. Node by itself needs one: it can import graphql.ts, which imports no file.
  importExtension: '',
  generates: {
    // Typed documents, which Apollo and urql take as they are; print() of graphql makes text of them.
    'schema/generated/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false, skipIndexFile: true },
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        immutableTypes: true,
        scalars: { DateTime: 'string', JSON: 'unknown' },
      },
    },
    // Apollo's cache needs it for fragments on RunEvent.
    'schema/generated/possibleTypes.ts': { plugins: ['./scripts/possibleTypes.ts'] },
    'schema/generated/index.ts': { plugins: ['./scripts/generatedIndex.ts'] },
  },
};

export default config;
