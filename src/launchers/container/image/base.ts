/**
 * A small base image from this machine's own files, for machines without access to a registry: the running Node.js with
 * its libraries, busybox as the shell, tini. It replaces node:24-bookworm-slim.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Pack } from 'tar-stream';

const run = promisify(execFile);

const LOADERS = ['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1'];
const TINI = ['/usr/bin/tini-static', '/sbin/tini-static'];
const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox'];
/** Libraries that the C library opens by name at run time, so the loader does not list them. */
const ALSO = ['libnss_dns.so.2', 'libnss_files.so.2', 'libresolv.so.2'];

const PASSWD =
  'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/workspace:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n';
const GROUP = 'root:x:0:\nnode:x:1000:\nnogroup:x:65534:\n';
const NSSWITCH = 'passwd: files\ngroup: files\nhosts: files dns\n';

interface BaseFile {
  readonly path: string;
  readonly content: Buffer | { readonly source: string } | { readonly link: string } | 'directory';
  readonly mode: number;
}

export interface LocalBase {
  /** Differs where the image's files differ. */
  readonly hash: string;
  readonly files: readonly BaseFile[];
}

const firstOf = async (paths: readonly string[]): Promise<string | null> => {
  for (const path of paths) {
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  return null;
};

const needed = async (paths: readonly string[], debianPackage: string): Promise<string> => {
  const path = await firstOf(paths);
  if (path === null) {
    throw new Error(
      `Building the executor image without a registry needs ${paths[0]}: run apt-get install ${debianPackage}.`,
    );
  }
  return path;
};

/** Collects the files. @throws Error that names the missing package */
export const localBase = async (node = process.execPath): Promise<LocalBase> => {
  const loader = await needed(LOADERS, 'libc6');
  const tini = await needed(TINI, 'tini');
  const busybox = await needed(BUSYBOX, 'busybox-static');
  const libraries = await librariesOf(loader, node);
  const applets = (await run(busybox, ['--list'])).stdout
    .split('\n')
    .filter((name) => name !== '' && name !== 'busybox');
  const text = (path: string, content: string): BaseFile => ({ path, content: Buffer.from(content), mode: 0o644 });
  const program = (path: string, source: string): BaseFile => ({ path, content: { source }, mode: 0o755 });
  const files: BaseFile[] = [
    { path: 'tmp', content: 'directory', mode: 0o1777 },
    { path: 'root', content: 'directory', mode: 0o700 },
    text('etc/passwd', PASSWD),
    text('etc/group', GROUP),
    text('etc/nsswitch.conf', NSSWITCH),
    program('bin/busybox', busybox),
    program('usr/bin/tini-static', tini),
    program('usr/local/bin/node', node),
    program(loader.slice(1), loader),
    ...libraries.map((path) => program(path.slice(1), path)),
    ...applets.map((name): BaseFile => ({ path: `bin/${name}`, content: { link: 'busybox' }, mode: 0o777 })),
    { path: 'usr/bin/env', content: { link: '/bin/busybox' }, mode: 0o777 },
  ];
  return { hash: await hashOf(files, node), files };
};

/** Paths of the libraries that the loader finds for this program. */
const librariesOf = async (loader: string, program: string): Promise<readonly string[]> => {
  const { stdout } = await run(loader, ['--list', program]);
  const found = [...stdout.matchAll(/ => (\/\S+)/g)].map((match) => match[1] ?? '');
  const beside = dirname(found.find((path) => path.includes('libc.so')) ?? loader);
  for (const name of ALSO) {
    const path = await firstOf([join(beside, name)]);
    if (path !== null) found.push(path);
  }
  return [...new Set(found)];
};

const hashOf = async (files: readonly BaseFile[], node: string): Promise<string> => {
  const hash = createHash('sha256').update(process.version);
  for (const file of files) {
    hash.update(`\n${file.path} ${file.mode} `);
    if (file.content === 'directory') continue;
    if (Buffer.isBuffer(file.content)) hash.update(file.content);
    else if ('link' in file.content) hash.update(file.content.link);
    // Version and size stand for its 120 MB.
    else if (file.content.source === node) hash.update(String((await stat(node)).size));
    else hash.update(await readFile(file.content.source));
  }
  return hash.digest('hex').slice(0, 12);
};

/** Adds the files to a build context, below rootfs/. */
export const packBase = async (pack: Pack, base: LocalBase): Promise<void> => {
  for (const { path, content, mode } of base.files) {
    const name = `rootfs/${path}`;
    if (content === 'directory') pack.entry({ name, mode, type: 'directory' });
    else if (!Buffer.isBuffer(content) && 'link' in content)
      pack.entry({ name, mode, type: 'symlink', linkname: content.link });
    else
      pack.entry({ name, mode }, Buffer.isBuffer(content) ? content : await readFile(await realpath(content.source)));
  }
};

/** The Dockerfile of the base image. */
export const BASE_DOCKERFILE = `FROM scratch
COPY rootfs/ /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["node"]
`;
