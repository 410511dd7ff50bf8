/**
 * Limits on documents, the same on every transport. They are checked before graphql-js' own rules, whose cost they limit
 * too. Counts include fragments. Each fragment is counted once and remembered, so nested fragments cost no more than
 * their text (decision 25).
 */
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  NoSchemaIntrospectionCustomRule,
  type ParseOptions,
  parse,
  type SelectionSetNode,
  type Source,
  TokenKind,
  validate,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { LIMITS } from '../../domain/limits.ts';
import { boundedError, boundedErrors, withoutSuggestions } from './boundedErrors.ts';
import { documentRules } from './inputErrors.ts';

/** Which documents the operator allows, beside the bounds. */
export interface AllowedDocuments {
  /** INTROSPECTION: whether `__schema` and `__type` can be asked for. */
  readonly introspection: boolean;
}

const rulesWithoutIntrospection = [...documentRules, NoSchemaIntrospectionCustomRule];

interface Cost {
  /** Levels of fields. */
  readonly depth: number;
  /** Levels of fields at and below __schema and __type. */
  readonly introspection: number;
  /** How often __schema and __type are selected. */
  readonly introspections: number;
  readonly aliases: number;
  readonly directives: number;
  /** Fields of the selection itself, without those below. */
  readonly width: number;
}

const NOTHING: Cost = { depth: 0, introspection: 0, introspections: 0, aliases: 0, directives: 0, width: 0 };

const isIntrospection = (name: string): boolean => name === '__schema' || name === '__type';

class Counter {
  readonly #fragments = new Map<string, FragmentDefinitionNode>();
  readonly #costs = new Map<string, Cost>();

  constructor(document: DocumentNode) {
    for (const definition of document.definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION) this.#fragments.set(definition.name.value, definition);
    }
  }

  of(selectionSet: SelectionSetNode | undefined): Cost {
    let { depth, introspection, introspections, aliases, directives, width } = NOTHING;
    for (const selection of selectionSet?.selections ?? []) {
      directives += selection.directives?.length ?? 0;
      let cost: Cost;
      if (selection.kind === Kind.FIELD) {
        const below = this.of(selection.selectionSet);
        const levels = Math.max(below.depth, below.introspection) + 1;
        const inspects = isIntrospection(selection.name.value);
        cost = {
          ...below,
          depth: inspects ? 0 : below.depth + 1,
          introspection: inspects ? levels : below.introspection,
          width: 1,
        };
        if (selection.alias !== undefined) aliases += 1;
        if (inspects) introspections += 1;
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        cost = this.of(selection.selectionSet);
      } else {
        cost = this.#ofFragment(selection.name.value);
      }
      depth = Math.max(depth, cost.depth);
      introspection = Math.max(introspection, cost.introspection);
      introspections += cost.introspections;
      aliases += cost.aliases;
      directives += cost.directives;
      width += cost.width;
    }
    return { depth, introspection, introspections, aliases, directives, width };
  }

  #ofFragment(name: string): Cost {
    const known = this.#costs.get(name);
    if (known !== undefined) return known;
    const fragment = this.#fragments.get(name);
    if (fragment === undefined) return NOTHING;
    // A fragment inside itself counts as nothing here; a rule of graphql-js refuses it.
    this.#costs.set(name, NOTHING);
    const cost = this.of(fragment.selectionSet);
    const full = { ...cost, directives: cost.directives + (fragment.directives?.length ?? 0) };
    this.#costs.set(name, full);
    return full;
  }
}

/** Number of fields as written, without those of spread fragments. */
const fieldsIn = (selectionSet: SelectionSetNode | undefined): number => {
  let count = 0;
  for (const selection of selectionSet?.selections ?? []) {
    if (selection.kind === Kind.FRAGMENT_SPREAD) continue;
    count += (selection.kind === Kind.FIELD ? 1 : 0) + fieldsIn(selection.selectionSet);
  }
  return count;
};

const exceeded = (what: string, limit: number): GraphQLError =>
  new GraphQLError(`The document is too large: at most ${limit} ${what}.`, {
    extensions: { code: 'LIMIT_EXCEEDED', http: { status: 400, spec: true } },
  });

/** The first limit that the document exceeds; empty if there is none. */
export const limitErrors = (document: DocumentNode): readonly GraphQLError[] => {
  const counter = new Counter(document);
  let fields = 0;
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fields += fieldsIn(definition.selectionSet);
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    fields += fieldsIn(definition.selectionSet);
    const cost = counter.of(definition.selectionSet);
    const directives = cost.directives + (definition.directives?.length ?? 0);
    if (cost.depth > LIMITS.queryDepth) return [exceeded('levels of fields', LIMITS.queryDepth)];
    if (cost.introspection > LIMITS.introspectionDepth) {
      return [exceeded('levels of introspection', LIMITS.introspectionDepth)];
    }
    if (cost.introspections > LIMITS.introspections) return [exceeded('introspections', LIMITS.introspections)];
    if (cost.aliases > LIMITS.queryAliases) return [exceeded('aliases', LIMITS.queryAliases)];
    if (directives > LIMITS.queryDirectives) return [exceeded('directives', LIMITS.queryDirectives)];
    if (cost.width > LIMITS.queryDirectives) return [exceeded('root fields', LIMITS.queryDirectives)];
  }
  return fields > LIMITS.queryFields ? [exceeded('fields', LIMITS.queryFields)] : [];
};

const TOO_MANY_TOKENS = /more tha[nt] \d+ tokens/;

/** Limits on the document as written: length of names, nesting of brackets of any kind. */
const tokenErrors = (document: DocumentNode): readonly GraphQLError[] => {
  let depth = 0;
  for (let token = document.loc?.startToken; token; token = token.next ?? undefined) {
    if (token.kind === TokenKind.NAME && token.end - token.start > LIMITS.queryNameCharacters) {
      return [exceeded('characters in a name', LIMITS.queryNameCharacters)];
    }
    if (OPENING.has(token.kind)) depth += 1;
    else if (CLOSING.has(token.kind)) depth -= 1;
    if (depth > LIMITS.jsonDepth) return [exceeded('levels of brackets', LIMITS.jsonDepth)];
  }
  return [];
};
const OPENING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L]);
const CLOSING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R]);

const boundedParse = (source: string | Source, options?: ParseOptions): DocumentNode => {
  try {
    return parse(source, { ...options, maxTokens: LIMITS.queryTokens });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    if (TOO_MANY_TOKENS.test(error.message)) throw exceeded('tokens', LIMITS.queryTokens);
    throw boundedError(error);
  }
};

/** Stops at the first few errors. graphql-js reports up to 100, and each can repeat the whole document. */
const boundedValidate =
  ({ introspection }: AllowedDocuments): typeof validate =>
  (schema, document) => {
    const tooMuch = [...tokenErrors(document), ...limitErrors(document)];
    if (tooMuch.length > 0) return tooMuch;
    const rules = introspection ? documentRules : rulesWithoutIntrospection;
    const errors = validate(schema, document, rules, { maxErrors: LIMITS.documentErrors });
    return boundedErrors(introspection ? errors : errors.map(withoutSuggestions), LIMITS.documentErrors);
  };

/** An envelop plugin. It works wherever yoga's envelope is used: on all transports. */
export const documentLimits = (allowed: AllowedDocuments): Plugin => {
  const validateDocument = boundedValidate(allowed);
  return {
    onParse: ({ setParseFn }) => setParseFn(boundedParse),
    onValidate: ({ setValidationFn }) => setValidationFn(validateDocument),
  };
};
