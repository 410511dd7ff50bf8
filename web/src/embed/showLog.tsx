/** The content of one `<runloom-log>`, from its connection to its last row. */
import { createRoot } from 'react-dom/client';
import { Provider } from 'urql';
import { connect } from '../connection/connect.ts';
import type { Tokens } from '../connection/pageToken.ts';
import { addressOf } from '../look/route.ts';
import { SurroundingsContext } from '../look/surroundings.ts';
import type { RunloomLogState } from './elementTypes.ts';
import { EmbeddedLog } from './embeddedLog.tsx';

export interface ViewOptions {
  /** Of the GraphQL endpoint, absolute. */
  readonly url: string;
  readonly runId: string;
  /** Names the log for screen readers. */
  readonly label: string;
  readonly tokens: Tokens;
  readonly onState: (state: RunloomLogState) => void;
}

/** Shows the log in `root`. Returns what removes it and closes its connections. */
export const showLog = (root: ShadowRoot, { url, runId, label, tokens, onState }: ViewOptions): (() => void) => {
  const box = document.createElement('div');
  box.className = 'embedded';
  root.append(box);
  const connection = connect(url, tokens);
  const content = createRoot(box);
  const surroundings = {
    label,
    keys: box,
    href: (to: Parameters<typeof addressOf>[0]) => new URL(addressOf(to), url).href,
    mark: () => undefined,
  };
  content.render(
    <SurroundingsContext value={surroundings}>
      <Provider value={connection.client}>
        <EmbeddedLog runId={runId} connection={connection} onState={onState} />
      </Provider>
    </SurroundingsContext>,
  );
  return () => {
    content.unmount();
    connection.dispose();
    box.remove();
  };
};
