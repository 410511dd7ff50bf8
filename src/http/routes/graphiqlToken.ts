/** The script with which GraphiQL sends a token, and asks for one when the service refuses a request. */

/**
 * The token of the active tab's headers editor is used first, else the token of the form; it is kept in sessionStorage, so
 * it ends with the browser's tab. `#token=…` in the address fills the form and is removed at once. The form is shown after a
 * 401, and after a WebSocket was closed with 4401 or 4403. `runloomOptions` are options for GraphiQL (graphiqlBuild.ts).
 */
export const TOKEN_SCRIPT = `{
  const NAME = 'runloom:token';
  const [part, given] = location.hash.match(/[#&]token=([^&]*)/) ?? [];
  if (part) {
    sessionStorage.setItem(NAME, decodeURIComponent(given));
    history.replaceState(history.state, '', location.pathname + location.search);
  }
  let edited = null;
  const inEditor = () => {
    try {
      const entry = Object.entries(JSON.parse(edited ?? '{}')).find(([name]) => name.toLowerCase() === 'authorization');
      return entry && String(entry[1]);
    } catch {}
  };
  const authorization = () => {
    const token = sessionStorage.getItem(NAME);
    return inEditor() ?? (token ? 'Bearer ' + token : undefined);
  };
  globalThis.runloomOptions = {
    connectionParams: () => ({ authorization: authorization() }),
    onEditHeaders: (text) => { edited = text; },
    onTabChange: ({ tabs, activeTabIndex }) => { edited = tabs[activeTabIndex]?.headers ?? null; },
  };

  const { fetch } = window;
  let isRefused = false;
  window.fetch = async (input, init = {}) => {
    if (new URL(input.url ?? input, location.href).pathname !== location.pathname) return fetch(input, init);
    const headers = new Headers(init.headers);
    const own = headers.get('authorization') ?? authorization();
    if (own) headers.set('authorization', own);
    const answer = await fetch(input, { ...init, headers });
    if (answer.status === 401) {
      isRefused = true;
      ask(own ? 'The service does not accept this token.' : 'The service needs a token.');
    }
    return answer;
  };
  const { send } = WebSocket.prototype;
  const watched = new WeakSet();
  WebSocket.prototype.send = function (text) {
    if (!watched.has(this)) this.addEventListener('close', ({ code }) => {
      if (code === 4401) ask('The service does not accept this token.');
      if (code === 4403) ask('The token has expired. Enter a new one.');
    });
    watched.add(this);
    return send.call(this, text);
  };

  const form = document.createElement('form');
  const make = (name, text, members = {}) => {
    const element = form.appendChild(document.createElement(name));
    return Object.assign(element, { textContent: text }, members);
  };
  form.id = 'runloom-token';
  form.ariaLabel = 'Token';
  form.hidden = true;
  const reason = make('p', '', { role: 'alert' });
  const input = make('input', '', { type: 'password', autocomplete: 'off', spellcheck: false, required: true, ariaLabel: 'Token' });
  make('button', 'Use', { type: 'submit' });
  make('button', 'Close', { type: 'button', onclick: () => { form.hidden = true; } });
  make('button', 'Forget', { type: 'button', onclick: () => { sessionStorage.removeItem(NAME); location.reload(); } });
  make('p', 'It is sent with each request and kept until this tab is closed. The headers editor overrides it.');
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    sessionStorage.setItem(NAME, input.value.trim());
    input.value = '';
    form.hidden = true;
    // Without its schema GraphiQL has to start again.
    if (isRefused) location.reload();
  });
  const ask = (text) => {
    reason.textContent = text;
    form.hidden = false;
    input.focus();
  };
  const open = Object.assign(document.createElement('button'), { id: 'runloom-token-open', textContent: 'Token' });
  open.onclick = () => ask('');
  open.hidden = !sessionStorage.getItem(NAME);
  const style = document.createElement('style');
  style.textContent = \`
    #runloom-token, #runloom-token-open { position: fixed; z-index: 100; font: 14px sans-serif; color: #1c2333; background: #fff;
      border: 1px solid #8a93a6; border-radius: 6px; }
    #runloom-token { top: 12px; left: 50%; width: 420px; max-width: 90vw; margin-left: max(-210px, -45vw); padding: 12px;
      box-shadow: 0 4px 24px #0005; }
    #runloom-token-open { right: 12px; bottom: 12px; padding: 6px 12px; cursor: pointer; }
    #runloom-token p { margin: 4px 0; }
    #runloom-token input { width: 100%; margin: 4px 0 8px; padding: 6px; border: 1px solid #8a93a6; border-radius: 4px; }
    #runloom-token button { margin-right: 8px; padding: 6px 12px; border: 1px solid #8a93a6; border-radius: 4px;
      background: #eef1f6; cursor: pointer; }
    #runloom-token[hidden], #runloom-token-open[hidden] { display: none; }\`;
  document.body.append(style, form, open);
}`;
