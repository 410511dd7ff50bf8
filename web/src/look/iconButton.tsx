/** A button that shows an icon alone: its name is read aloud, and its title tells the name and the key. */
import type { LucideIcon } from 'lucide-react';

interface IconButtonProps {
  readonly icon: LucideIcon;
  readonly name: string;
  /** The key that does the same (hotkeys.ts). */
  readonly shortcut?: string;
  /** Default: the name and the key. */
  readonly title?: string;
  /** Of a button that switches something on and off. */
  readonly pressed?: boolean;
  readonly disabled?: boolean;
  readonly onClick: () => void;
}

export const IconButton = ({ icon: Icon, name, shortcut, title, pressed, disabled, onClick }: IconButtonProps) => (
  <button
    type="button"
    className="icon"
    aria-label={name}
    title={title ?? (shortcut === undefined ? name : `${name} (${shortcut})`)}
    aria-pressed={pressed}
    disabled={disabled}
    onClick={onClick}
  >
    <Icon aria-hidden />
  </button>
);
