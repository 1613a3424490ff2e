// Two ways for the same events: server-sent events over fetch, and a WebSocket.

/** The session is over: the gateway refused, redirected to its login, or closed the socket so. */
export class SessionEnded extends Error {}
/** The stream broke before the answer was complete. */
export class Cut extends Error {}

const SESSION_CODES = [1008, 4401];

/** A request that tells a session's end from other failures. */
export async function request(path, options = {}) {
  const response = await fetch(path, { ...options, redirect: 'manual', credentials: 'same-origin', cache: 'no-store' });
  if (response.type === 'opaqueredirect' || response.status === 401) throw new SessionEnded();
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new Error(problem.detail || `The server answered ${response.status}.`);
  }
  return response;
}

/** Reads server-sent events from a response, one by one. */
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest = (rest + value).replaceAll('\r\n', '\n');
    let end;
    while ((end = rest.indexOf('\n\n')) >= 0) {
      const event = parse(rest.slice(0, end));
      rest = rest.slice(end + 2);
      if (event) yield event;
    }
  }
}

function parse(block) {
  let type = 'message';
  const data = [];
  for (const line of block.split('\n')) {
    if (line.startsWith('event:')) type = line.slice(6).trim();
    else if (line.startsWith('data:')) data.push(line.slice(5).trimStart());
  }
  if (!data.length) return null;
  try {
    return { type, ...JSON.parse(data.join('\n')) };
  } catch {
    return { type };
  }
}

/** Asks over POST and server-sent events. */
export async function* askBySse(message, thread, signal) {
  const response = await request('/chat', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream' },
    body: JSON.stringify({ message, thread }),
    signal,
  });
  try {
    for await (const event of events(response)) {
      yield event;
      if (event.type === 'done' || event.type === 'error') return;
    }
  } catch (fault) {
    if (signal.aborted) throw fault;
  }
  throw new Cut();
}

/** Asks over a WebSocket, which is opened once and kept. */
export class Socket {
  #socket = null;
  #queue = [];
  #wake = () => {};
  #closed = null;

  constructor(onSessionEnded) {
    this.onSessionEnded = onSessionEnded;
  }

  open() {
    if (this.#socket && this.#socket.readyState <= WebSocket.OPEN) return this.#opening;
    const url = new URL('/ws', location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#closed = null;
    this.#queue = [];
    socket.addEventListener('message', ({ data }) => {
      this.#queue.push(JSON.parse(data));
      this.#wake();
    });
    socket.addEventListener('close', ({ code }) => {
      this.#closed = code;
      this.#wake();
      if (SESSION_CODES.includes(code)) this.onSessionEnded();
    });
    this.#opening = new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true });
      socket.addEventListener('close', () => reject(new Cut()), { once: true });
    });
    // Whoever waits handles it; opening ahead of time is nobody's failure.
    this.#opening.catch(() => {});
    return this.#opening;
  }
  #opening = null;

  close() {
    this.#socket?.close(1000);
    this.#socket = null;
  }

  async* ask(message, thread, signal) {
    await this.open();
    const cancel = () => {
      if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ type: 'cancel' }));
    };
    signal.addEventListener('abort', cancel, { once: true });
    try {
      this.#queue = [];
      this.#socket.send(JSON.stringify({ type: 'chat', message, thread }));
      for (;;) {
        while (this.#queue.length) {
          const event = this.#queue.shift();
          yield event;
          if (event.type === 'done' || event.type === 'error') return;
        }
        if (this.#closed !== null) throw SESSION_CODES.includes(this.#closed) ? new SessionEnded() : new Cut();
        await new Promise((resolve) => { this.#wake = resolve; });
      }
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }
}
