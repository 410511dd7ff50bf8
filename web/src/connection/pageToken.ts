/** The reader's token. It lives in sessionStorage: it is gone with the tab, and no other tab has it. */
import { createStore, type Store } from '../look/watchable.ts';

/** Why the page asks for a token; null: it does not. */
export type Asking = 'missing' | 'refused' | 'expired' | null;

export interface TokenState {
  readonly token: string | null;
  readonly asking: Asking;
  /** Whether the dialog is shown: a reader can put it aside, and read on. */
  readonly shown: boolean;
  /** Goes up with each new token after a refusal: the page starts again. */
  readonly generation: number;
}
/** What a connection needs to know of tokens. */
export interface Tokens {
  /** Waits for a new one while the old one is known to have expired. */
  readonly get: () => Promise<string | null>;
  /** The service did not accept this token; null: none was sent. */
  readonly refused: (token: string | null) => void;
  readonly expired: (token: string | null) => void;
}
export interface PageTokens extends Tokens {
  readonly state: Store<TokenState>;
  readonly give: (token: string) => void;
  /** Shows the dialog, or puts it aside. */
  readonly show: (shown: boolean) => void;
}

/** GraphiQL keeps it under the same name. */
const KEY = 'runloom:token';

/** `#token=…` of a link that somebody was given. It is removed from the address and the history at once. */
const fromFragment = (): string | null => {
  const token = /^#token=(.+)$/.exec(location.hash)?.[1];
  if (token === undefined) return null;
  history.replaceState(history.state, '', `${location.pathname}${location.search}`);
  return decodeURIComponent(token);
};

export const createPageTokens = (): PageTokens => {
  const given = fromFragment();
  if (given !== null) sessionStorage.setItem(KEY, given);
  const state = createStore<TokenState>({
    token: sessionStorage.getItem(KEY),
    asking: null,
    shown: false,
    generation: 0,
  });
  const ask = (asking: Asking, token: string | null): void => {
    // An answer to an earlier token says nothing about the current one.
    if (state.get().asking === null && state.get().token === token) state.set({ ...state.get(), asking, shown: true });
  };
  return {
    state,
    get: () =>
      new Promise((resolve) => {
        const look = (): void => {
          const { token, asking } = state.get();
          if (asking === 'expired') return;
          stop();
          resolve(token);
        };
        const stop = state.subscribe(look);
        look();
      }),
    refused: (token) => ask(token === null ? 'missing' : 'refused', token),
    expired: (token) => ask('expired', token),
    give: (token) => {
      const { asking, generation } = state.get();
      sessionStorage.setItem(KEY, token);
      state.set({ token, asking: null, shown: false, generation: asking === 'expired' ? generation : generation + 1 });
    },
    show: (shown) => state.set({ ...state.get(), shown }),
  };
};
