/** A link within the viewer: a plain click changes the page, every other click is the browser's. */
import type { MouseEvent, ReactNode } from 'react';
import { addressOf, go, type Route } from './route.ts';

interface LinkProps {
  readonly to: Partial<Route>;
  readonly children: ReactNode;
  readonly className?: string;
  readonly title?: string;
}

export const Link = ({ to, children, className, title }: LinkProps) => {
  const onClick = (event: MouseEvent): void => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a href={addressOf(to)} onClick={onClick} className={className} title={title}>
      {children}
    </a>
  );
};
