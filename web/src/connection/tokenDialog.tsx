/** Asks for a token when the service wants one. */
import { type FormEvent, useState } from 'react';
import { Dialog } from '../look/dialog.tsx';
import type { Asking, PageTokens } from './pageToken.ts';

const WHY: Readonly<Record<NonNullable<Asking>, string>> = {
  missing: 'The service asks who you are. Paste a token: an API token, a run token or a JWT.',
  refused: 'The service did not accept this token. Paste another one.',
  expired: 'Your token has expired. Paste a new one: the log continues where it stopped.',
};

interface TokenDialogProps {
  readonly tokens: PageTokens;
  readonly asking: NonNullable<Asking>;
}

export const TokenDialog = ({ tokens, asking }: TokenDialogProps) => {
  const [token, setToken] = useState('');
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (token.trim() !== '') tokens.give(token.trim());
  };
  return (
    <Dialog title="Token needed" onClose={() => tokens.show(false)}>
      <form onSubmit={submit} className="fields">
        <p>{WHY[asking]}</p>
        <label>
          Token
          <input
            type="password"
            autoComplete="off"
            spellCheck={false}
            value={token}
            onChange={(event) => setToken(event.target.value)}
          />
        </label>
        <p className="hint">It is kept until this tab is closed.</p>
        <footer>
          <button type="submit" className="primary">
            Continue
          </button>
        </footer>
      </form>
    </Dialog>
  );
};
