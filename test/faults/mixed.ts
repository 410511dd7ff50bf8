import type { Verdict } from './verdict.ts';
export const mixed = async (_minutes: number, _seed: number, _say: (line: string) => void): Promise<Verdict> => {
  throw new Error('not yet');
};
