/** Who the command runs as: the image's user, never root. Pure. */

export interface CommandUser {
  readonly uid: number;
  readonly gid: number;
}

/** nobody and nogroup, as most images and the kernel's overflow ids have them. */
const NOBODY: CommandUser = { uid: 65534, gid: 65534 };

/** The image names a user or group that its own files do not know. The message is one for a person. */
export class UnknownUser extends Error {
  override readonly name = 'UnknownUser';
}

/**
 * Resolves the User of an image's config (`name`, `uid`, `uid:gid`, `name:group`, or '') by the image's
 * /etc/passwd and /etc/group ('' where it has none), with the rules of the OCI runtimes: a number that
 * no entry has is taken as it is, its group being 0. Root, or nobody named, becomes 65534.
 * `reservedGid` is a group that must not reach the command (that of the socket of Redis), or null.
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
  const uid = entry === null ? asId(userName) : asId(entry[2] ?? '');
  if (uid === null) throw new UnknownUser(`The image's user "${userName}" is not in its /etc/passwd.`);
  if (uid === 0) return NOBODY;
  const gid = groupName === '' ? (asId(entry?.[3] ?? '') ?? 0) : groupId(files.group, groupName);
  return { uid, gid: gid === reservedGid ? NOBODY.gid : gid };
};

const groupId = (groups: string, name: string): number => {
  const gid = asId(findEntry(groups, name)?.[2] ?? name);
  if (gid === null) throw new UnknownUser(`The image's group "${name}" is not in its /etc/group.`);
  return gid;
};

/** The line whose name (first field), or else whose number (third field), it is. */
const findEntry = (text: string, key: string): readonly string[] | null => {
  const entries = text.split('\n').map((line) => line.split(':'));
  return entries.find((fields) => fields[0] === key) ?? entries.find((fields) => fields[2] === key) ?? null;
};

/** Ids end below 2^32 - 1, which stands for "none" in chown(2). */
const asId = (text: string): number | null => {
  const id = Number(text);
  return /^\d+$/.test(text) && id < 0xffffffff ? id : null;
};
