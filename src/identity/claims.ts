/** Reads claims of tokens whose names an operator has configured. Pure. */

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const member = (value: unknown, name: string): unknown =>
  isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;

/**
 * The claim of this name; else the one at this path, such as `realm_access.roles`. (Names can have dots too, such as
 * `https://example.org/tenant`.)
 */
export const claimOf = (claims: Readonly<Record<string, unknown>>, name: string): unknown =>
  member(claims, name) ?? name.split('.').reduce<unknown>(member, claims);

/** A claim as a list: an array of texts, or one text, split at `separator` (RFC 8693, 4.2). Anything else is empty. */
export const textList = (claim: unknown, separator: string | null): readonly string[] => {
  if (typeof claim === 'string') return separator === null ? [claim] : claim.split(separator);
  return Array.isArray(claim) ? claim.filter((one) => typeof one === 'string') : [];
};
