/** The user that the command runs as: the image's user, never root. Pure. */

export interface CommandUser {
  readonly uid: number;
  readonly gid: number;
}

/** nobody and nogroup in most images, and the kernel's overflow ids. */
const NOBODY: CommandUser = { uid: 65534, gid: 65534 };

/** The image's config names a user or group that the image does not have. The message is meant for clients. */
export class UnknownUser extends Error {
  override readonly name = 'UnknownUser';
}

/**
 * Resolves the User of an image's config (`name`, `uid`, `uid:gid`, `name:group`, or '') by the image's /etc/passwd and
 * /etc/group ('' if it has none), as OCI runtimes do: a number without an entry is used as it is, with group 0. Root
 * and '' become 65534. `reservedGid` is a group that the command must not get (that of Redis' socket), or null.
 * @throws UnknownUser
 */
export const resolveUser = (
  spec: string,
  files: { readonly passwd: string; readonly group: string },
  reservedGid: number | null,
): CommandUser => {
  const [userName = '', groupName = ''] = spec.split(':');
  if (userName === '') return NOBODY;
  const entry = findEntry(files.passwd, userName);
  const uid = entry === null ? parseId(userName) : parseId(entry[2] ?? '');
  if (uid === null) throw new UnknownUser(`The image's user "${userName}" is not in its /etc/passwd.`);
  if (uid === 0) return NOBODY;
  const gid = groupName === '' ? (parseId(entry?.[3] ?? '') ?? 0) : groupId(files.group, groupName);
  return { uid, gid: gid === reservedGid ? NOBODY.gid : gid };
};

const groupId = (groups: string, name: string): number => {
  const gid = parseId(findEntry(groups, name)?.[2] ?? name);
  if (gid === null) throw new UnknownUser(`The image's group "${name}" is not in its /etc/group.`);
  return gid;
};

/** The entry with this name (first field) or, if there is none, with this number (third field). */
const findEntry = (text: string, key: string): readonly string[] | null => {
  const entries = text.split('\n').map((line) => line.split(':'));
  return entries.find((fields) => fields[0] === key) ?? entries.find((fields) => fields[2] === key) ?? null;
};

/** Ids are below 2^32 - 1, which means "unchanged" in chown(2). */
const parseId = (text: string): number | null => {
  const id = Number(text);
  return /^\d+$/.test(text) && id < 0xffffffff ? id : null;
};
