/** Names of images, as people write them. */

// Domain, path, tag and digest of a reference, or an image's id (the grammar of distribution/reference, a bit wider).
const REFERENCE =
  /^[a-z0-9][a-z0-9.-]*(?::\d{1,5})?(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@sha256:[a-f0-9]{64})?$/i;
const SHORT_PART = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?::\w[\w.-]{0,127})?(?:@sha256:[a-f0-9]{64})?$/;
const MAX_LENGTH = 512;

/** Whether it can name an image. What passes holds nothing that means something in a URL's path. */
export const isImageReference = (text: string): boolean =>
  text.length <= MAX_LENGTH && (SHORT_PART.test(text) || REFERENCE.test(text));

/** Name and tag as the API's pull takes them; "latest" where none is said. */
export const withTag = (reference: string): string => {
  const lastPart = reference.slice(reference.lastIndexOf('/') + 1);
  return lastPart.includes(':') || lastPart.includes('@') ? reference : `${reference}:latest`;
};
