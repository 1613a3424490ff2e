// The panel with the decoded token: what the gateway told the agent about you.

import { byId, icon, make } from './dom.js';

const TIMES = ['iat', 'nbf', 'exp', 'auth_time'];
const MEANING = {
  iss: 'who signed it',
  aud: 'for whom it is meant',
  sub: 'who you are, as a stable id',
  exp: 'when it ends',
  iat: 'when it was made',
  jti: 'unique to this token',
  txn: 'this request',
  sid: 'your session, not its secret',
  auth_method: 'how you proved who you are',
  act: 'who acts for you',
};

export class TokenPanel {
  #seen = null;
  #timer = 0;

  constructor(refresh, ended) {
    this.refresh = refresh;
    this.ended = ended;
    this.panel = byId('token-panel');
    this.toggle = byId('token-toggle');
    this.toggle.addEventListener('click', () => this.#open(this.panel.hidden));
    this.panel.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#open(false);
    });
  }

  /** Takes an answer of /whoami. Server time is compared with ours once, so that a wrong clock here does not matter. */
  take(answer) {
    this.#seen = { ...answer, skew: answer.now - Date.now() / 1000 };
    if (!this.panel.hidden) this.#draw();
  }

  async #open(open) {
    this.panel.hidden = !open;
    this.toggle.setAttribute('aria-expanded', String(open));
    clearInterval(this.#timer);
    if (!open) {
      this.toggle.focus();
      return;
    }
    if (!this.ended()) await this.refresh();
    this.#draw();
    this.panel.querySelector('button')?.focus({ preventScroll: true });
    this.#timer = setInterval(() => this.#tick(), 500);
  }

  #draw() {
    if (!this.#seen) return;
    const { header, claims } = this.#seen;
    const again = make('button', { class: 'button', type: 'button', text: 'Fetch a fresh one', on: { click: () => this.refresh() } });
    const close = make('button', { class: 'button quiet', type: 'button', 'aria-label': 'Close', on: { click: () => this.#open(false) } }, [icon('cross')]);
    this.panel.replaceChildren(
      make('div', { class: 'panel-head' }, [make('h2', { text: 'Your token, decoded' }), close]),
      make('p', { text: 'The gateway signs a new one for every request and puts it in a header that your browser never sees. The agent checked it before it answered.' }),
      make('div', { class: 'life', id: 'token-life' }, [
        make('strong', { id: 'token-countdown' }), make('span', { id: 'token-note' }), make('progress', { max: '1', value: '1', 'aria-label': 'Life left' }),
      ]),
      make('p', {}, [again]),
      make('h3', { text: 'Header' }), table(header),
      make('h3', { text: 'Claims' }), table(claims),
    );
    this.#tick();
  }

  #tick() {
    const life = byId('token-life');
    if (!life || !this.#seen) return;
    const { claims, skew } = this.#seen;
    const left = Math.ceil(claims.exp - (Date.now() / 1000 + skew));
    const whole = Math.max(1, claims.exp - claims.iat);
    life.toggleAttribute('data-expired', left <= 0);
    byId('token-countdown').textContent = left > 0 ? `${left} s left` : 'Expired';
    byId('token-note').textContent = left > 0
      ? 'Stolen, it would be useless after that.'
      : 'That is fine: your session lives on, and the next request gets a fresh one.';
    life.querySelector('progress').value = Math.max(0, Math.min(1, left / whole));
  }
}

function table(values) {
  const rows = Object.entries(values).map(([name, value]) => make('tr', { 'data-claim': name }, [
    make('th', { scope: 'row', text: name }),
    make('td', { text: typeof value === 'string' ? value : JSON.stringify(value) }, note(name, value)),
  ]));
  return make('table', { class: 'claims' }, [make('tbody', {}, rows)]);
}

function note(name, value) {
  const time = TIMES.includes(name) && Number.isFinite(value) ? new Date(value * 1000).toLocaleTimeString() : '';
  const text = [time, MEANING[name]].filter(Boolean).join(', ');
  return text ? [make('small', { text })] : [];
}
