/** The page at `/`. */
import './look/base.css';
import './look/pages.css';
import './look/log.css';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { connect } from './connection/connect.ts';
import { createPageTokens } from './connection/pageToken.ts';
import { watchAddress } from './look/route.ts';
import { applyTheme } from './look/settings.ts';

applyTheme();
const tokens = createPageTokens();
watchAddress();
// Relative, so that the path prefix of a reverse proxy is kept.
const connection = connect(new URL('./graphql', location.href).href, tokens);
createRoot(document.getElementById('root') ?? document.body).render(<App connection={connection} tokens={tokens} />);
