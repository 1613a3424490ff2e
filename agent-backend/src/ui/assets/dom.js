// Making elements without markup in strings: what a model or a service says is only ever text.

const SVG = 'http://www.w3.org/2000/svg';

export const byId = (id) => document.getElementById(id);

/** An element; `attributes` may hold `text`, `on` (listeners) and any attribute. */
export function make(tag, attributes = {}, children = []) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function draw(tag, attributes = {}, children = []) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, { text, on, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(name, value);
  }
  for (const [name, listener] of Object.entries(on ?? {})) element.addEventListener(name, listener);
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

const ICONS = {
  check: ['m5 12 5 5 9-10'],
  cross: ['M6 6l12 12M18 6 6 18'],
  chevron: ['m6 9 6 6 6-6'],
  umbrella: ['M3 12a9 9 0 0 1 18 0Z', 'M12 12v6a2.5 2.5 0 0 0 5 0', 'M12 3V2'],
  sun: ['M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z', 'M12 2v2m0 16v2M2 12h2m16 0h2M5 5l1.4 1.4m11.2 11.2L19 19M5 19l1.4-1.4M17.6 6.4 19 5'],
  calendar: ['M4 6h16v14H4z', 'M4 10h16M8 3v5m8-5v5', 'M8 14h3m2 0h3m-8 3h3'],
};

export function icon(name, className = '') {
  const paths = (ICONS[name] ?? ICONS.sun).map((d) => draw('path', { d }));
  return draw('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true', class: className }, paths);
}

/** Paragraphs, lists and **bold**: all the model writes. */
export function prose(text) {
  const blocks = [];
  for (const line of text.split('\n')) {
    const item = line.startsWith('- ');
    const last = blocks.at(-1);
    if (item && last?.tagName === 'UL') last.append(make('li', {}, inline(line.slice(2))));
    else if (item) blocks.push(make('ul', {}, [make('li', {}, inline(line.slice(2)))]));
    else if (line.trim()) blocks.push(make('p', {}, inline(line)));
  }
  return blocks;
}

function inline(text) {
  return text.split(/(\*\*[^*]+\*\*)/).filter(Boolean).map((part) => {
    if (part.startsWith('**') && part.endsWith('**') && part.length > 4) return make('strong', { text: part.slice(2, -2) });
    return part;
  });
}
