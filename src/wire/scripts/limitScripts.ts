/** Scripts that count for limits. Their first comments say what they take and return. */
import { lua } from './lua.ts';

export const HOLD = lua('hold');
export const PLACE = lua('place');
