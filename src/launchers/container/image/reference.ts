/** Image names as people write them. */

// Domain, path, tag and digest of a reference, or an image's id: slightly more than the grammar of distribution/reference.
const REFERENCE =
  /^[a-z0-9][a-z0-9.-]*(?::\d{1,5})?(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@sha256:[a-f0-9]{64})?$/i;
const SHORT_PART = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?::\w[\w.-]{0,127})?(?:@sha256:[a-f0-9]{64})?$/;
const MAX_LENGTH = 512;

/** Whether it is a valid image name. A valid one is also safe in the path of a URL. */
export const isImageReference = (text: string): boolean =>
  text.length <= MAX_LENGTH && (SHORT_PART.test(text) || REFERENCE.test(text));

/** The name with its tag, as the API's pull needs it; "latest" where there is none. */
export const withTag = (reference: string): string => {
  const lastPart = reference.slice(reference.lastIndexOf('/') + 1);
  return lastPart.includes(':') || lastPart.includes('@') ? reference : `${reference}:latest`;
};
