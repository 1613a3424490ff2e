// The page: who you are, what to ask, and the answer as it comes.

import { byId, icon, make } from './dom.js';
import { Answer, addQuestion } from './messages.js';
import { Session, signOut } from './session.js';
import { TokenPanel } from './token.js';
import { Cut, SessionEnded, Socket, askBySse, request } from './transport.js';

const box = byId('composer');
const form = byId('composer-form');
const send = byId('send');
const thread = crypto.getRandomValues(new Uint32Array(2)).join('-');
const session = new Session();
const socket = new Socket(() => session.end());
const panel = new TokenPanel(loadWho, () => session.ended);
let running = null;

const transport = () => document.querySelector('#transport input:checked').value;

async function loadWho() {
  try {
    const answer = await (await request('/whoami', { headers: { Accept: 'application/json' } })).json();
    showWho(answer.caller);
    panel.take(answer);
  } catch (fault) {
    if (fault instanceof SessionEnded) session.end();
  }
}

function showWho({ name, groups, email }) {
  const words = name.split(/[\s@._-]+/).filter(Boolean);
  const initials = words.length > 1 ? words[0][0] + words.at(-1)[0] : name.slice(0, 2);
  byId('who-avatar').textContent = initials.toUpperCase();
  byId('who-name').textContent = name;
  byId('who-groups').textContent = groups.length ? groups.join(', ') : 'no groups';
  byId('who').title = [name, email, groups.join(', ')].filter(Boolean).join('\n');
  byId('greeting').textContent = `Hello, ${words[0] ?? name}`;
}

async function loadStarters() {
  const starters = await (await request('/starters')).json();
  byId('starters').replaceChildren(...starters.map((starter) => make('button', {
    class: 'starter', type: 'button', 'data-starter': starter.id, on: { click: () => ask(starter.message) },
  }, [icon(starter.icon), make('span', {}, [make('strong', { text: starter.label }), make('small', { text: starter.message === starter.label ? 'Here, in the next hours' : starter.message })])])));
}

async function ask(question) {
  const message = question.trim();
  if (!message || running || session.ended) return;
  running = new AbortController();
  setBusy(true);
  addQuestion(message);
  const answer = new Answer();
  try {
    const stream = transport() === 'ws' ? socket.ask(message, thread, running.signal) : askBySse(message, thread, running.signal);
    for await (const event of stream) answer.take(event);
  } catch (fault) {
    await explain(fault, answer);
  } finally {
    running = null;
    setBusy(false);
    if (!session.ended) box.focus({ preventScroll: true });
  }
}

/** Why a stream broke: the person left off, the session ended, or the network failed. */
async function explain(fault, answer) {
  if (fault.name === 'AbortError') {
    if (!session.ended) answer.end('cancelled', 'Stopped.');
    else answer.end('cut', 'Cut off: your session ended before the answer was complete.');
    return;
  }
  if (fault instanceof SessionEnded) session.end();
  else if (!session.ended) await session.check();
  if (session.ended) answer.end('cut', 'Cut off: your session ended before the answer was complete.');
  else if (fault instanceof Cut || fault instanceof TypeError) answer.end('cut', 'Cut off: the connection broke before the answer was complete.');
  else answer.end('failed', fault.message);
}

function setBusy(busy) {
  document.body.classList.toggle('busy', busy);
  send.setAttribute('aria-label', busy ? 'Stop' : 'Send');
  byId('transport').disabled = busy || session.ended;
  refreshSend();
}

function refreshSend() {
  send.disabled = session.ended || (!running && !box.value.trim());
}

function grow() {
  box.style.height = 'auto';
  box.style.height = `${Math.min(box.scrollHeight, 160)}px`;
  refreshSend();
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (running) {
    running.abort();
    return;
  }
  const question = box.value;
  if (!question.trim()) return;
  box.value = '';
  grow();
  ask(question);
});

box.addEventListener('input', grow);
box.addEventListener('keydown', (event) => {
  // While an input method is composing, Enter belongs to it.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!running) form.requestSubmit();
});

byId('transport').addEventListener('change', () => {
  if (transport() === 'ws') socket.open().catch(() => session.check());
  else socket.close();
});

byId('sign-out').addEventListener('click', async () => {
  byId('sign-out').disabled = true;
  try {
    await signOut();
  } catch (fault) {
    byId('sign-out').disabled = false;
    if (fault instanceof SessionEnded) session.end();
    else byId('announce').textContent = `Signing out failed: ${fault.message}`;
  }
});

session.onEnd(() => {
  running?.abort();
  socket.close();
  box.disabled = true;
  box.placeholder = 'Your session has ended';
  send.disabled = true;
  byId('transport').disabled = true;
  byId('sign-out').disabled = true;
  for (const starter of document.querySelectorAll('[data-starter]')) starter.disabled = true;
  byId('sign-in-again').focus();
});

refreshSend();
await Promise.all([loadWho(), loadStarters().catch((fault) => { if (fault instanceof SessionEnded) session.end(); })]);
if (!session.ended && matchMedia('(hover: hover)').matches) box.focus();
session.follow();
