/** The viewer: the list of runs, or one run. */
import { lazy, Suspense, useState } from 'react';
import { Provider } from 'urql';
import type { Connection } from './connection/connect.ts';
import type { PageTokens } from './connection/pageToken.ts';
import { TokenDialog } from './connection/tokenDialog.tsx';
import { useKeys } from './look/hotkeys.ts';
import { go, route } from './look/route.ts';
import { after, change, settings, THEMES, TIMES } from './look/settings.ts';
import { useStore } from './look/watchable.ts';
import { RunPage } from './run/runPage.tsx';
import { RunsPage } from './runs/runsPage.tsx';
import { TopBar } from './topBar.tsx';

const StartForm = lazy(() => import('./runs/startForm.tsx'));
const KeySheet = lazy(() => import('./look/keySheet.tsx'));
const Compare = lazy(() => import('./compare/comparePage.tsx'));

interface AppProps {
  readonly connection: Connection;
  readonly tokens: PageTokens;
}
/** A dialog that is open. `like` is the id of the run to duplicate. */
type Open = { readonly what: 'keys' } | { readonly what: 'start'; readonly like: string | null } | null;

export const App = ({ connection, tokens }: AppProps) => {
  const at = useStore(route);
  const { asking, shown, generation } = useStore(tokens.state);
  const { theme, wrap, times } = useStore(settings);
  const [open, setOpen] = useState<Open>(null);
  const onStart = (like: string | null): void => setOpen({ what: 'start', like });
  const close = (): void => setOpen(null);
  useKeys([
    ['?', () => setOpen({ what: 'keys' })],
    ['r', () => go({})],
    ['s', () => onStart(null)],
    ['d', () => change({ theme: after(THEMES, theme) })],
    ['w', () => change({ wrap: !wrap })],
    ['t', () => change({ times: after(TIMES, times) })],
  ]);
  const page = { route: at, connection, onStart };
  return (
    <Provider value={connection.client}>
      <TopBar onKeys={() => setOpen({ what: 'keys' })} connection={connection} showBadge={at.runId === null}>
        {asking !== null && (
          <button type="button" onClick={() => tokens.show(true)}>
            Enter a token
          </button>
        )}
      </TopBar>
      <Suspense>
        {at.runId === null ? (
          <RunsPage key={generation} onStart={onStart} />
        ) : at.compare !== null ? (
          <Compare key={generation} left={at.runId} right={at.compare} />
        ) : (
          <RunPage key={`${at.runId} ${generation}`} runId={at.runId} {...page} />
        )}
        {open?.what === 'keys' && <KeySheet onClose={close} />}
        {open?.what === 'start' && (
          <StartForm
            like={open.like}
            onClose={close}
            onStarted={({ id }) => {
              close();
              go({ runId: id });
            }}
          />
        )}
        {asking !== null && shown && <TokenDialog tokens={tokens} asking={asking} />}
      </Suspense>
    </Provider>
  );
};
