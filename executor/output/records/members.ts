/** Where the parts of a record stand in its JSON: paths such as "log.level". */
import type { JsonObject, JsonValue } from '../../../src/domain/events.ts';
import { isRawNumber } from '../../../src/domain/text/exactJson.ts';
import { setMember } from '../json/printedJson.ts';

/** Names of members from the outermost on. */
export type Place = readonly string[];

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);

/** The place that a path means: a member of that very name ("log.level"), else one within others. Null where it is none. */
export const placeOf = (members: JsonObject, path: string): Place | null => {
  if (Object.hasOwn(members, path)) return [path];
  const dot = path.indexOf('.');
  if (dot < 0) return null;
  // a name with dots can stand at any depth: "attributes" and in it "exception.type"
  for (let at = dot; at >= 0; at = path.indexOf('.', at + 1)) {
    const outer = path.slice(0, at);
    const inner = Object.hasOwn(members, outer) ? members[outer] : undefined;
    const place = isObject(inner) ? placeOf(inner, path.slice(at + 1)) : null;
    if (place !== null) return [outer, ...place];
  }
  return null;
};

export const valueAt = (members: JsonObject, place: Place): JsonValue | undefined =>
  place.reduce<JsonValue | undefined>((value, name) => (isObject(value) ? value[name] : undefined), members);

/** A copy with the value there, where the way to it is there. */
export const withValue = (members: JsonObject, [name = '', ...inner]: Place, value: JsonValue): JsonObject => {
  const copy = { ...members };
  const member = copy[name];
  if (inner.length === 0) setMember(copy, name, value);
  else if (isObject(member)) setMember(copy, name, withValue(member, inner, value));
  return copy;
};

/** What is used up of a record, and what is left of it there. */
export class Taken {
  readonly #rests = new Map<string, JsonValue | undefined>();
  readonly #inner = new Map<string, Taken>();

  add([name = '', ...inner]: Place, rest?: JsonValue): void {
    if (inner.length === 0) {
      this.#rests.set(name, rest);
      return;
    }
    let taken = this.#inner.get(name);
    if (taken === undefined) {
      taken = new Taken();
      this.#inner.set(name, taken);
    }
    taken.add(inner, rest);
  }

  /** What is left of the members; undefined: nothing. The members of those in `spread` stand as if outside. */
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
