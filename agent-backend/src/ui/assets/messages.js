// The conversation as it grows.

import { byId, make, prose } from './dom.js';
import { ToolCard } from './cards.js';

const list = byId('messages');
const scroll = byId('scroll');
let follow = true;

// Whoever scrolled up wants to read there.
scroll.addEventListener('scroll', () => {
  follow = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60;
});

function show(element) {
  document.body.classList.add('has-messages');
  list.append(element);
  follow = true;
  stick();
}

function stick() {
  if (follow) scroll.scrollTop = scroll.scrollHeight;
}

export function addQuestion(text) {
  show(make('article', { class: 'message', 'data-role': 'user', text }));
}

/** An answer in the making. */
export class Answer {
  #cards = new Map();
  #text = '';
  #block = null;

  constructor() {
    this.waiting = make('div', { class: 'waiting', 'aria-hidden': 'true' }, [make('i'), make('i'), make('i')]);
    this.element = make('article', { class: 'message streaming', 'data-role': 'assistant', 'data-state': 'streaming', 'aria-busy': 'true' }, [this.waiting]);
    show(this.element);
  }

  take(event) {
    if (event.type === 'token') {
      if (!this.#block) {
        this.#block = make('div', { class: 'text' });
        this.#text = '';
        this.#add(this.#block);
      }
      this.#text += event.text;
      this.#block.replaceChildren(...prose(this.#text));
      this.waiting.remove();
    } else if (event.type === 'tool_call') {
      const card = new ToolCard(event);
      this.#cards.set(event.id, card);
      this.#block = null;
      this.#add(card.element);
    } else if (event.type === 'tool_result') {
      this.#cards.get(event.id)?.finish(event);
    } else if (event.type === 'error') {
      this.end('failed', event.message);
    } else if (event.type === 'done') {
      const notes = { limit: 'Stopped: this answer reached the agent’s limits.', cancelled: 'Stopped.' };
      this.end(event.reason, notes[event.reason]);
    }
    stick();
  }

  /** Ends the answer in one of the states complete, limit, cancelled, cut or failed. */
  end(state, note) {
    this.waiting.remove();
    this.element.classList.remove('streaming');
    this.element.removeAttribute('aria-busy');
    this.element.dataset.state = state;
    for (const card of this.#cards.values()) card.cut();
    if (note) this.element.append(make('p', { class: state === 'cut' || state === 'failed' ? 'note bad' : 'note', 'data-note': state, text: note }));
    // Read out once and whole: word by word it would be noise.
    byId('announce').textContent = [this.#text.replaceAll('*', ''), note].filter(Boolean).join(' ');
    stick();
  }

  #add(element) {
    this.element.insertBefore(element, this.waiting.isConnected ? this.waiting : null);
  }
}
