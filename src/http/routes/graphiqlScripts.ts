/** Scripts that make GraphiQL 5 usable for logs. Each works around one thing that GraphiQL has no option for. */
import { TABS } from './graphiqlTabs.ts';
import { TOKEN_SCRIPT } from './graphiqlToken.ts';

/**
 * Creates the tabs at the first visit. GraphiQL 5 has an option for that, but it omits the first tab's variables and
 * adds an empty tab at each later visit without ?query=: the URL and localStorage must agree when GraphiQL starts.
 */
const TABS_SCRIPT = `try {
  const kept = (name) => 'graphiql:' + name;
  const tabs = ${JSON.stringify(TABS)}.map((tab, i) => (
    { id: 'runloom-' + i, hash: null, headers: null, operationName: tab.title, response: null, ...tab }));
  let state = JSON.parse(localStorage.getItem(kept('tabState')) ?? 'null');
  if (!state?.tabs?.length) localStorage.setItem(kept('tabState'), JSON.stringify(state = { tabs, activeTabIndex: 0 }));
  const { query, variables, headers } = state.tabs[state.activeTabIndex] ?? state.tabs[0];
  const url = new URL(location.href);
  if (!url.searchParams.has('query')) url.searchParams.set('query', query ?? '');
  if (url.searchParams.get('query') === (query ?? '')) {
    for (const [name, value] of Object.entries({ query, variables, headers })) localStorage.setItem(kept(name), value ?? '');
  }
  history.replaceState({}, '', url);
} catch (error) {
  console.warn(error);
}`;

/** Replaces "newest" by the newest run's id in what GraphiQL sends over HTTP and WebSocket. */
const NEWEST_SCRIPT = `{
  const { fetch } = window;
  const { send } = WebSocket.prototype;
  const ask = (body) => fetch(location.pathname, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const filled = async (text, place) => {
    const message = JSON.parse(text);
    const answer = await (await ask({ query: '{ runs(first: 1) { edges { node { id } } } }' })).json();
    place(message).variables.runId = answer.data?.runs?.edges[0]?.node.id ?? 'There is no run yet. Start one first.';
    return JSON.stringify(message);
  };
  const asks = (text) => typeof text === 'string' && /"runId":\\s*"newest"/.test(text);
  window.fetch = async (input, init) =>
    fetch(input, asks(init?.body) ? { ...init, body: await filled(init.body, (message) => message) } : init);
  WebSocket.prototype.send = function (text) {
    if (!asks(text)) return send.call(this, text);
    filled(text, (message) => message.payload).then((full) => send.call(this, full));
  };
}`;

/**
 * GraphiQL shows only the last result of a subscription. In the tab Follow, each result is given the events of all
 * batches so far: at most KEEP, newest first so that they are visible. At most ten results a second are shown: the
 * editor cannot render more.
 */
const GATHER_SCRIPT = `{
  const KEEP = 200, SHOW_MS = 100;
  const followed = new Map();
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (text) {
    if (typeof text === 'string' && text.includes('"operationName":"Follow"')) {
      const { type, id, payload } = JSON.parse(text);
      if (type === 'subscribe' && payload.operationName === 'Follow') followed.set(id, { events: [] });
    }
    return send.call(this, text);
  };
  const property = Object.getOwnPropertyDescriptor(WebSocket.prototype, 'onmessage');
  Object.defineProperty(WebSocket.prototype, 'onmessage', { ...property, set(listener) {
    property.set.call(this, listener && ((event) => {
      const message = JSON.parse(event.data);
      const run = followed.get(message.id);
      if (!run) return listener.call(this, event);
      const show = () => {
        clearTimeout(run.timer);
        run.timer = undefined;
        if (run.shown) listener.call(this, { data: JSON.stringify(run.shown) });
        run.shown = undefined;
      };
      const batch = message.type === 'next' && message.payload.data?.runLogBatches;
      if (!batch?.events) {
        // The end or an error: show the waiting result first.
        show();
        if (message.type !== 'next') followed.delete(message.id);
        return listener.call(this, event);
      }
      run.events = [...batch.events.reverse(), ...run.events].slice(0, KEEP);
      batch.events = run.events;
      run.shown = message;
      run.timer ??= setTimeout(show, SHOW_MS);
    }));
  } });
}`;

/** GraphiQL ends a subscription when another tab is opened. This restarts it when the tab Follow is opened again. */
const RESUME_SCRIPT = `{
  const button = () => document.querySelector('.graphiql-execute-button');
  const isRunning = () => button()?.ariaLabel?.startsWith('Stop') === true;
  const isFollow = (tab) => tab?.textContent.includes('Follow') === true;
  const active = () => document.querySelector('.graphiql-tab-active');
  let wasLeft = false;
  const goOn = (tries) => {
    if (tries === 0 || !isFollow(active()) || isRunning()) return;
    button()?.click();
    setTimeout(goOn, 500, tries - 1);
  };
  document.addEventListener('click', ({ target }) => {
    const tab = target.closest?.('.graphiql-tab-button');
    if (!tab || isFollow(tab) === isFollow(active())) return;
    if (isFollow(tab) && wasLeft) setTimeout(goOn, 200, 5);
    wasLeft = !isFollow(tab) && isRunning();
  }, true);
}`;

/** In GraphiQL 5 a tab moves at the first press, so the click misses it. This repeats the click on the pressed tab. */
const PRESS_SCRIPT = `{
  let pressed = null;
  document.addEventListener('pointerdown', (event) => { pressed = event.target.closest?.('.graphiql-tab-button'); }, true);
  document.addEventListener('click', (event) => {
    const missed = pressed?.contains(event.target) === false && event.target.matches?.('.graphiql-tabs') ? pressed : null;
    pressed = null;
    missed?.click();
  }, true);
}`;

/** Runs in the page before GraphiQL starts. A script calls the `fetch` of those before it, so the token comes first. */
export const PAGE_SCRIPT = [TOKEN_SCRIPT, TABS_SCRIPT, NEWEST_SCRIPT, GATHER_SCRIPT, RESUME_SCRIPT, PRESS_SCRIPT]
  .join('\n')
  .replaceAll('</', '<\\/');
