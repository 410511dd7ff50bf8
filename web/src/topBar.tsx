/** The bar at the top of every page. */
import { Keyboard, MonitorCog, Moon, Sun } from 'lucide-react';
import type { ReactNode } from 'react';
import { Badge } from './connection/badge.tsx';
import type { Connection } from './connection/connect.ts';
import { IconButton } from './look/iconButton.tsx';
import { Link } from './look/link.tsx';
import { after, change, settings, THEMES } from './look/settings.ts';
import { useStore } from './look/watchable.ts';

interface TopBarProps {
  readonly connection: Connection;
  /** The page of a run shows the badge beside the run's name. */
  readonly showBadge: boolean;
  readonly onKeys: () => void;
  readonly children?: ReactNode;
}
const ICONS = { system: MonitorCog, light: Sun, dark: Moon } as const;

export const TopBar = ({ connection, showBadge, onKeys, children }: TopBarProps) => {
  const { theme } = useStore(settings);
  return (
    <header className="top">
      <Link to={{}} className="brand">
        runloom
      </Link>
      {showBadge && <Badge connection={connection.state} />}
      {children}
      <span className="space" />
      <a href="./graphql">API</a>
      <IconButton icon={Keyboard} name="Keyboard" shortcut="?" onClick={onKeys} />
      <IconButton
        icon={ICONS[theme]}
        name={`Theme: ${theme}`}
        shortcut="d"
        onClick={() => change({ theme: after(THEMES, theme) })}
      />
    </header>
  );
};
