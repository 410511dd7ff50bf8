/** Patterns of images: those that runs are allowed to use (ALLOWED_IMAGES), and that of RunFilter. Pure. */
import { globMatches } from '../text/glob.ts';

interface ImageName {
  /** Registry and repository, such as `docker.io/library/alpine`. */
  readonly repository: string;
  /** Null: none given. */
  readonly tag: string | null;
  readonly digest: string | null;
}

/**
 * Completes a short name like Docker does: `alpine` is `docker.io/library/alpine`, `team/app` is `docker.io/team/app`.
 * The first part is a registry if it has a dot, a colon or an upper-case letter, or is `localhost`.
 */
const parseName = (reference: string): ImageName => {
  const [named = '', digest = null] = reference.split('@');
  const tagAt = named.indexOf(':', named.lastIndexOf('/'));
  const path = tagAt < 0 ? named : named.slice(0, tagAt);
  const parts = path.split('/');
  const [first = ''] = parts;
  const hasRegistry = parts.length > 1 && (/[.:*A-Z]/.test(first) || first === 'localhost');
  const repository =
    hasRegistry || path.startsWith('*') ? path : `docker.io/${parts.length === 1 ? 'library/' : ''}${path}`;
  return { repository: repository.toLowerCase(), tag: tagAt < 0 ? null : named.slice(tagAt + 1), digest };
};

/**
 * Whether the image matches one of the patterns. `*` stands for any characters, a slash included. A pattern without a tag
 * allows every tag, one without a digest every digest; a pattern with a tag matches `latest` where the image has neither
 * tag nor digest.
 */
export const isAllowedImage = (image: string, patterns: readonly string[]): boolean => {
  const { repository, tag, digest } = parseName(image);
  const usedTag = tag ?? (digest === null ? 'latest' : null);
  return patterns.some((text) => {
    const pattern = parseName(text);
    return (
      globMatches(pattern.repository, repository) &&
      (pattern.tag === null || (usedTag !== null && globMatches(pattern.tag, usedTag))) &&
      (pattern.digest === null || (digest !== null && globMatches(pattern.digest, digest)))
    );
  });
};

/** The registry of an image, with its port: what stands before the first slash of its complete name. */
export const registryOf = (image: string): string => parseName(image).repository.split('/')[0] ?? '';

/**
 * Whether one of the patterns allows the image and says more of its registry than `*`: then the operator named that
 * registry on purpose.
 */
export const namesRegistry = (image: string, patterns: readonly string[]): boolean =>
  patterns.some(
    (pattern) => pattern.includes('/') && !/^\*+$/.test(registryOf(pattern)) && isAllowedImage(image, [pattern]),
  );
