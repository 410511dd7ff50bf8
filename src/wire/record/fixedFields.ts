/**
 * The fields of a run that the service alone decides. They are in a hash of their own, which executors can read and not
 * write (src/redis/executors). The record has a copy for services and executors of the version before. Beside them, only
 * filters of lists read the copy, and readers of a run that such a service made, which has no hash of its own.
 */

/** Fields that lists read. They are one field of the hash, as JSON: each value of a reply costs time. */
const SMALL: ReadonlySet<string> = new Set([
  ...['id', 'tenant', 'createdBy', 'createdAt', 'retryOf', 'name', 'image'],
  ...['timeoutSeconds', 'resources', 'maxAttempts'],
]);
/** The field with all of SMALL. Each hash has it. */
export const SMALL_FIELDS = 'small';
/** Fields that scripts read, too. */
const FOR_SCRIPTS: ReadonlySet<string> = new Set(['tenant', 'maxAttempts']);
const OTHERS: ReadonlySet<string> = new Set([
  ...['idempotency', 'imageAsked', 'command', 'input', 'env', 'labels', 'backoffSeconds'],
  ...['maxLineBytes', 'maxLogBytes', 'cancelGraceMs', 'retentionMs', 'lingerMs'],
]);

export const isSmall = (name: string): boolean => SMALL.has(name);
export const isFixed = (name: string): boolean => SMALL.has(name) || OTHERS.has(name);

/** The fields of the hash, for the fields of a new record; names and values alternate in both. */
export const fixedPart = (fields: readonly string[]): string[] => {
  const small: Record<string, string> = {};
  const part: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [name = '', value = ''] = fields.slice(i, i + 2);
    if (isSmall(name)) small[name] = value;
    if (OTHERS.has(name) || FOR_SCRIPTS.has(name)) part.push(name, value);
  }
  return [SMALL_FIELDS, JSON.stringify(small), ...part];
};

type Fields = Readonly<Record<string, string>>;

export const parseSmall = (text: string): Fields => JSON.parse(text) as Fields;

/** The fields of a run, from its record and its hash; `hash` is empty for a run of the version before. */
export const wholeFields = (record: Fields, hash: Fields): Fields => {
  const { [SMALL_FIELDS]: small, ...others } = hash;
  if (small === undefined) return record;
  const changing = Object.entries(record).filter(([name]) => !isFixed(name));
  return { ...Object.fromEntries(changing), ...others, ...parseSmall(small) };
};
