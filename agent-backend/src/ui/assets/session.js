// Whether the session lives: an event stream that stays open says so, and its end says otherwise.

import { byId } from './dom.js';
import { SessionEnded, events, request } from './transport.js';

const WAITS = [500, 1000, 2000, 5000, 10000];

export class Session {
  #ended = false;
  #listeners = [];

  get ended() {
    return this.#ended;
  }

  onEnd(listener) {
    this.#listeners.push(listener);
  }

  /** Follows the stream until the session ends; reconnects when only the network failed. */
  async follow() {
    let failures = 0;
    while (!this.#ended) {
      try {
        const response = await request('/events', { headers: { Accept: 'text/event-stream' } });
        for await (const event of events(response)) {
          failures = 0;
          if (/^session[-_.]ended$/.test(event.type)) return this.end();
          show('live', 'Live');
          beat();
        }
      } catch (fault) {
        if (fault instanceof SessionEnded) return this.end();
      }
      if (this.#ended) return;
      // The stream broke. Only an answer of the server says whether the session did, too.
      const alive = await this.check();
      if (this.#ended) return;
      if (alive) show('connecting', 'Reconnecting');
      else show('lost', 'Offline, retrying');
      await new Promise((resolve) => setTimeout(resolve, WAITS[Math.min(failures++, WAITS.length - 1)]));
    }
  }

  /** Asks the server; true when the session is known to live. */
  async check() {
    try {
      await request('/whoami', { headers: { Accept: 'application/json' } });
      return true;
    } catch (fault) {
      if (fault instanceof SessionEnded) this.end();
      return false;
    }
  }

  end() {
    if (this.#ended) return;
    this.#ended = true;
    show('ended', 'Ended');
    byId('session-ended').hidden = false;
    document.body.classList.add('is-ended');
    for (const listener of this.#listeners) listener();
  }
}

/** Signing out is the gateway's: its form wants a token against forged requests, which only its own page tells. */
export async function signOut() {
  const me = await request('/.portcullis/me', { headers: { Accept: 'application/json' } });
  const { csrf } = await me.json();
  const form = document.createElement('form');
  form.method = 'post';
  form.action = '/.portcullis/logout';
  const field = document.createElement('input');
  field.type = 'hidden';
  field.name = 'csrf';
  field.value = csrf ?? '';
  form.append(field);
  document.body.append(form);
  form.submit();
}

function show(state, text) {
  byId('status').dataset.state = state;
  byId('status-text').textContent = text;
}

function beat() {
  const pulse = document.querySelector('.pulse');
  pulse.classList.remove('beat');
  requestAnimationFrame(() => pulse.classList.add('beat'));
}
