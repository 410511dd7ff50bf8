/**
 * Scripts that write a run's log and record. Each is atomic: status and log always agree, and what is announced is stored
 * (PROTOCOL.md, part 4). Their first comments say what they take and return.
 *
 * In all of them, a field whose value is '' stands for null. A change that Run shows raises `version` and is published on
 * run_updates; lines alone, which change with every append, are not.
 */
import { lua } from './lua.ts';

export const APPEND = lua('notify', 'charge', 'append');
export const COMPACT = lua('charge', 'compact');
export const CLAIM = lua('notify', 'claim');
export const BEAT = lua('notify', 'beat');
export const CREATE = lua('notify', 'create');
export const CANCEL = lua('notify', 'cancel');
export const DELETE = lua('delete');
export const RETAIN = lua('retain');
export const REPAIR = lua('repair');
