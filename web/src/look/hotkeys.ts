/** One-key commands. They never act while the reader types into a field or holds a modifier. */
import { useEffect, useRef } from 'react';
import { useSurroundings } from './surroundings.ts';

export interface KeyHelp {
  readonly keys: string;
  readonly what: string;
}

/** What `?` shows. */
export const KEY_MAP: readonly KeyHelp[] = [
  { keys: '?', what: 'Show or hide this list' },
  { keys: '/', what: 'Search in the log; filter the list of runs' },
  { keys: 'n, N', what: 'Next and previous hit' },
  { keys: 'e, E', what: 'Next and previous error' },
  { keys: 'g, G', what: 'First line; last line, and follow' },
  { keys: 'f', what: 'Follow, or stop following' },
  { keys: 'j, k', what: 'One line down, one line up' },
  { keys: '[, ]', what: 'Fold or unfold all groups' },
  { keys: 'w', what: 'Wrap long lines, or not' },
  { keys: 't', what: 'Times: off, local, UTC, since the start, since the line before' },
  { keys: 'c', what: 'Copy the link to the selected line' },
  { keys: 'r', what: 'Back to the list of runs' },
  { keys: 's', what: 'Start a run' },
  { keys: 'd', what: 'Theme: system, light, dark' },
  { keys: 'Esc', what: 'Close a dialog, or leave a field' },
];

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || target.matches('input, textarea, select, dialog *'));

/** A key, as `KeyboardEvent.key` names it, and what it does. */
export type KeyCommand = readonly [key: string, command: () => void];

export const useKeys = (commands: readonly KeyCommand[]): void => {
  const { keys } = useSurroundings();
  const current = useRef(commands);
  useEffect(() => {
    current.current = commands;
  });
  useEffect(() => {
    const scope: HTMLElement | Document = keys ?? document;
    const onKey = (event: Event): void => {
      if (!(event instanceof KeyboardEvent) || event.defaultPrevented) return;
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.composedPath()[0] ?? null)) return;
      const command = current.current.find(([key]) => key === event.key)?.[1];
      if (command === undefined) return;
      event.preventDefault();
      command();
    };
    scope.addEventListener('keydown', onKey);
    return () => scope.removeEventListener('keydown', onKey);
  }, [keys]);
};
