/** Finds members of a record by paths such as "log.level". */
import type { JsonObject, JsonValue } from '../../../src/domain/events.ts';
import { isRawNumber } from '../../../src/domain/text/exactJson.ts';
import { setMember } from '../json/printedJson.ts';

/** Names of members, the outermost first. */
export type MemberPath = readonly string[];

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);

/** The member that a path means: one with exactly that name ("log.level"), else a nested one. Null if there is none. */
export const findPath = (members: JsonObject, path: string): MemberPath | null => {
  if (Object.hasOwn(members, path)) return [path];
  const dot = path.indexOf('.');
  if (dot < 0) return null;
  // Names with dots can be at any depth, such as "exception.type" in "attributes".
  for (let at = dot; at >= 0; at = path.indexOf('.', at + 1)) {
    const outer = path.slice(0, at);
    const inner = Object.hasOwn(members, outer) ? members[outer] : undefined;
    const location = isObject(inner) ? findPath(inner, path.slice(at + 1)) : null;
    if (location !== null) return [outer, ...location];
  }
  return null;
};

export const valueAt = (members: JsonObject, location: MemberPath): JsonValue | undefined =>
  location.reduce<JsonValue | undefined>((value, name) => (isObject(value) ? value[name] : undefined), members);

/** A copy with the value at the path. Unchanged if an outer member is missing. */
export const withValue = (members: JsonObject, [name = '', ...inner]: MemberPath, value: JsonValue): JsonObject => {
  const copy = { ...members };
  const member = copy[name];
  if (inner.length === 0) setMember(copy, name, value);
  else if (isObject(member)) setMember(copy, name, withValue(member, inner, value));
  return copy;
};

/** Members of a record that have become parts of the event, and what is left of them. */
export class UsedMembers {
  readonly #rests = new Map<string, JsonValue | undefined>();
  readonly #inner = new Map<string, UsedMembers>();

  add([name = '', ...inner]: MemberPath, rest?: JsonValue): void {
    if (inner.length === 0) {
      this.#rests.set(name, rest);
      return;
    }
    let used = this.#inner.get(name);
    if (used === undefined) {
      used = new UsedMembers();
      this.#inner.set(name, used);
    }
    used.add(inner, rest);
  }

  /** The members that are left. Undefined if there are none. Members of the objects in `spread` move one level up. */
  restOf(members: JsonObject, spread: readonly string[] = []): JsonObject | undefined {
    const left: Record<string, JsonValue> = {};
    let some = false;
    for (const name of Object.keys(members)) {
      const value = this.#left(name, members[name]);
      if (value === undefined) continue;
      some = true;
      if (!spread.includes(name) || !isObject(value)) setMember(left, name, value);
      else for (const inner of Object.keys(value)) setMember(left, inner, value[inner] ?? null);
    }
    return some ? left : undefined;
  }

  #left(name: string, value: JsonValue | undefined): JsonValue | undefined {
    if (this.#rests.has(name)) return this.#rests.get(name);
    const inner = this.#inner.get(name);
    return inner === undefined || !isObject(value) ? value : inner.restOf(value);
  }
}
