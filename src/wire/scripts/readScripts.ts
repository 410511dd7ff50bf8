/** Scripts that read, copy and swap logs. Their first comments say what they take and return. */
import { lua } from './lua.ts';

export const PAGE = lua('entrySizes', 'page');
export const MEASURE = lua('entrySizes', 'measure');
export const COPY = lua('copy');
export const SWAP = lua('swap');
