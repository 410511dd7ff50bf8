/** What differs between the viewer's own page and a log that is embedded in another page. */
import { createContext, useContext } from 'react';
import { addressOf, markAddress, type Route } from './route.ts';

export interface Surroundings {
  /** Names the log for screen readers. */
  readonly label: string;
  /** Hears the keys of commands. Null: the document, so that keys work wherever the focus is. */
  readonly keys: HTMLElement | null;
  /** The address of a place in the viewer, for links. */
  readonly href: (to: Partial<Route>) => string;
  /** Told when the reader marks a place. */
  readonly mark: (to: Partial<Route>) => void;
}

const OWN_PAGE: Surroundings = { label: 'Log', keys: null, href: addressOf, mark: markAddress };

export const SurroundingsContext = createContext<Surroundings>(OWN_PAGE);

export const useSurroundings = (): Surroundings => useContext(SurroundingsContext);
