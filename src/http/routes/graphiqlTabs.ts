/** What GraphiQL shows at the first visit: operations that work as they stand. */

interface Tab {
  readonly title: string;
  readonly query: string;
  readonly variables: string | null;
}

const EVENT = `      __typename
      seq
      timestamp
      ... on LogLine { level stream message }
      ... on GroupStarted { name }
      ... on ProgressUpdated { current total }
      ... on StatusChanged { status }
      ... on RunFinished { message digest }`;

const json = (value: unknown): string => JSON.stringify(value, null, 2);
const newest = json({ runId: 'newest' });

const TABS: readonly Tab[] = [
  {
    title: 'Start',
    query: `# 1. Start a run: press the button or Ctrl-Enter.
# Then follow it in the next tab.
mutation Start {
  startRun(input: {
    name: "A minute of counting"
    command: ["sh", "-c", """
      echo "::group::Counting"
      for i in $(seq 60); do
        echo "line $i"
        echo "::progress current=$i,total=60::"
        sleep 1
      done
      echo "::endgroup::"
    """]
  }) {
    run { id status }
  }
}
`,
    variables: null,
  },
  {
    title: 'Follow',
    query: `# 2. Follow it: first what is stored, then live,
# to the end. Press again to stop.
# This page takes "newest" for the newest run;
# elsewhere give its id. It gathers the events of
# all batches: newest first, the last 200.
subscription Follow($runId: ID!, $after: Int) {
  runLogBatches(runId: $runId, after: $after) {
    lastSeq
    caughtUp
    events {
${EVENT}
    }
  }
}
`,
    variables: newest,
  },
  {
    title: 'History',
    query: `# 3. Its newest events. Further back:
# before is the startSeq of the page you have.
query History($runId: ID!, $before: Int) {
  run(id: $runId) {
    status
    lastSeq
    logs(last: 20, before: $before) {
      startSeq
      hasPrevious
      events {
  ${EVENT.replaceAll('\n', '\n  ')}
      }
    }
  }
}
`,
    variables: newest,
  },
  {
    title: 'Runs',
    query: `# 4. Runs, newest first.
query Runs($filter: RunFilter) {
  runs(first: 10, filter: $filter) {
    edges {
      node {
        id name status createdAt durationMs lines
        progress { current total }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
    variables: json({ filter: { status: [] } }),
  },
  {
    title: 'Watch',
    query: `# 5. Changes of runs, as they happen: of those
# that you start elsewhere, such as with curl.
subscription Watch {
  runsUpdated {
    kind
    run { id name status lines }
  }
}
`,
    variables: null,
  },
  {
    title: 'Cancel',
    query: `# 6. End it: SIGTERM, then SIGKILL after the
# grace period.
mutation Cancel($runId: ID!) {
  cancelRun(input: {
    runId: $runId
    reason: "From GraphiQL"
  }) {
    run { id status cancelRequestedAt }
  }
}
`,
    variables: newest,
  },
];

/** Where there is no localStorage, GraphiQL opens with this. */
export const FIRST_QUERY = TABS[0]?.query ?? '';

/**
 * Sets the tabs up at the first visit. GraphiQL 5 has an option for that, but leaves out the first tab's variables,
 * and adds an empty tab at every later visit without ?query=: what it looks up at the start must agree.
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

/** Puts the newest run's id in place of "newest", in what GraphiQL sends over HTTP and WebSocket. */
const NEWEST_SCRIPT = `{
  const { fetch } = window;
  const { send } = WebSocket.prototype;
  const ask = (body) => fetch(location.pathname, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const filled = async (text, place) => {
    const message = JSON.parse(text);
    const answer = await (await ask({ query: '{ runs(first: 1) { edges { node { id } } } }' })).json();
    place(message).variables.runId = answer.data?.runs?.edges[0]?.node.id ?? 'There is no run yet: start one.';
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
 * GraphiQL shows the last result of a subscription alone. For the tab Follow this puts the events of all batches into
 * each: newest first, so that they are in sight; at most KEEP; and at most ten results a second, which is what the
 * editor can show.
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
        // The end, or an error: after what came before it.
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

/** GraphiQL ends a subscription when another tab is opened. Back in the tab Follow, this goes on with it. */
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

/** GraphiQL 5 lets a tab jump away under the first press, so that the click misses it and it is not opened. */
const PRESS_SCRIPT = `{
  let pressed = null;
  document.addEventListener('pointerdown', (event) => { pressed = event.target.closest?.('.graphiql-tab-button'); }, true);
  document.addEventListener('click', (event) => {
    const missed = pressed?.contains(event.target) === false && event.target.matches?.('.graphiql-tabs') ? pressed : null;
    pressed = null;
    missed?.click();
  }, true);
}`;

/** Runs in the page, before GraphiQL does. */
export const PAGE_SCRIPT = [TABS_SCRIPT, NEWEST_SCRIPT, GATHER_SCRIPT, RESUME_SCRIPT, PRESS_SCRIPT]
  .join('\n')
  .replaceAll('</', '<\\/');
