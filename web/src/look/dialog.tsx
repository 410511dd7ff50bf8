/** A modal dialog: the browser's own, which traps the focus and closes with Escape. */
import { X } from 'lucide-react';
import { type ReactNode, type SyntheticEvent, useLayoutEffect, useRef } from 'react';

interface DialogProps {
  readonly title: string;
  readonly children: ReactNode;
  readonly onClose: () => void;
}

export const Dialog = ({ title, children, onClose }: DialogProps) => {
  const dialog = useRef<HTMLDialogElement>(null);
  const isRemoved = useRef(false);
  useLayoutEffect(() => {
    const element = dialog.current;
    if (element === null) return undefined;
    isRemoved.current = false;
    element.showModal();
    return () => {
      isRemoved.current = true;
      // The browser gives the focus back to what had it before.
      element.close();
    };
  }, []);
  // Escape: at once, not with the event `close`, which comes after the next key.
  const onCancel = (event: SyntheticEvent): void => {
    event.preventDefault();
    onClose();
  };
  // The event comes later: another dialog can be open by then.
  const onEnd = (): void => {
    if (!isRemoved.current) onClose();
  };
  return (
    <dialog ref={dialog} aria-label={title} onCancel={onCancel} onClose={onEnd}>
      <header>
        <h2>{title}</h2>
        <button type="button" className="icon" aria-label="Close" onClick={onClose}>
          <X aria-hidden />
        </button>
      </header>
      {children}
    </dialog>
  );
};
