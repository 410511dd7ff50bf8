/** What a reader has chosen, kept in localStorage. Without storage (a private window) it lasts as long as the page. */
import { createStore, type Store } from './watchable.ts';

export const THEMES = ['system', 'light', 'dark'] as const;
export const TIMES = ['off', 'local', 'utc', 'start', 'before'] as const;
export type Theme = (typeof THEMES)[number];
export type TimeMode = (typeof TIMES)[number];

export interface Settings {
  readonly theme: Theme;
  readonly wrap: boolean;
  readonly times: TimeMode;
  /** Whether screen readers are told about new lines. */
  readonly announce: boolean;
}

const KEY = 'runloom.settings';
const DEFAULTS: Settings = { theme: 'system', wrap: false, times: 'off', announce: true };

const oneOf = <T extends string>(values: readonly T[], value: unknown, otherwise: T): T =>
  values.find((one) => one === value) ?? otherwise;

const read = (): Settings => {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Record<string, unknown>;
    return {
      theme: oneOf(THEMES, kept.theme, DEFAULTS.theme),
      times: oneOf(TIMES, kept.times, DEFAULTS.times),
      wrap: kept.wrap === true || (kept.wrap === undefined && matchMedia('(max-width: 40rem)').matches),
      announce: kept.announce !== false,
    };
  } catch {
    return DEFAULTS;
  }
};

export const settings: Store<Settings> = createStore(read());

export const change = (part: Partial<Settings>): void => {
  const next = { ...settings.get(), ...part };
  settings.set(next);
  try {
    localStorage.setItem(KEY, JSON.stringify(next));
  } catch {
    // The choice then lasts as long as the page.
  }
};

/** Keeps `data-theme` of the document as chosen; the style sheet does the rest. */
export const applyTheme = (): void => {
  const apply = (): void => {
    document.documentElement.dataset.theme = settings.get().theme;
  };
  settings.subscribe(apply);
  apply();
};

export const after = <T>(values: readonly T[], value: T): T => {
  const next = values[(values.indexOf(value) + 1) % values.length];
  return next ?? value;
};
