/** What fields that return pages cost (the weights of documentCost.ts). */

interface PageArguments {
  readonly first?: number | null | undefined;
  readonly last?: number | null | undefined;
}

interface Weight {
  readonly field: number;
  readonly multiplier: number;
}

/** What is selected below the field is read once for each item of the page. */
export const pageCost =
  (byDefault: number, most: number) =>
  ({ first, last }: PageArguments): Weight => ({
    field: 1,
    multiplier: Math.min(Math.max(last ?? first ?? byDefault, 0), most),
  });

/** The list of a page: the page itself counts its items. */
export const ITEMS: Weight = { field: 1, multiplier: 1 };
