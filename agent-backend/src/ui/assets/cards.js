// Tool cards: what the agent does while it answers, with the weather as a small chart.

import { draw, icon, make } from './dom.js';

// Narrow where the screen is, so that the labels stay readable.
const NARROW = matchMedia('(max-width: 640px)').matches;
const WIDTH = NARROW ? 340 : 640;
const HEIGHT = 170;

export class ToolCard {
  constructor({ id, name, title, arguments: given }) {
    this.name = name;
    this.given = given ?? {};
    this.took = make('span', { class: 'took', text: 'running' });
    this.mark = make('span', { class: 'mark', 'aria-hidden': 'true' }, [icon('check')]);
    this.brief = make('span', { class: 'brief', text: brief(this.given) });
    this.inside = make('div', { class: 'inside' }, [make('h4', { text: 'Arguments' }), pre(this.given)]);
    this.element = make('details', { class: 'card', 'data-tool': name, 'data-call': id, 'data-state': 'running' }, [
      make('summary', {}, [this.mark, make('span', { class: 'name', text: title || name }), this.brief, this.took, icon('chevron', 'chevron')]),
      this.inside,
    ]);
  }

  finish({ ok, result, error, ms }) {
    this.element.dataset.state = ok ? 'done' : 'failed';
    this.took.textContent = ms < 1 ? 'under 1 ms' : `${ms} ms`;
    if (!ok) {
      this.mark.replaceChildren(icon('cross'));
      this.inside.append(make('p', { class: 'refused', text: error }));
      this.element.open = true;
      return;
    }
    if (this.name === 'weather' && result.days) {
      this.#weather(result);
      return;
    }
    this.inside.append(make('h4', { text: 'Result' }), pre(result));
  }

  #weather(result) {
    const offline = result.source === 'offline-sample';
    this.brief.textContent = `${result.place}, ${span(result.days)}`;
    const badge = make('span', { class: offline ? 'badge warn' : 'badge', text: offline ? 'Offline sample data' : 'Open-Meteo' });
    this.took.before(badge);
    const label = `Weather in ${result.place}: ` + result.days.map((day) => `${day.weekday} ${day.low ?? '?'} to ${day.high ?? '?'} degrees, ${day.rain ?? 0} ${result.precipitation_unit} of rain`).join('; ');
    const chart = result.hours.length ? hourly(result) : daily(result);
    const figure = make('figure', { class: 'weather' }, [
      make('figcaption', {}, [make('strong', { text: `${result.place}, ${span(result.days)}` }), make('span', { class: 'groups', text: result.source_note })]),
      draw('svg', { class: 'chart', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': label }, chart),
      make('div', { class: 'legend' }, [make('span', { text: `Temperature (${result.temperature_unit})` }), make('span', { class: 'rain-key', text: `Rain (${result.precipitation_unit})` })]),
    ]);
    const raw = make('details', { class: 'raw' }, [
      make('summary', { text: 'Arguments and data' }), make('h4', { text: 'Arguments' }), pre(this.given), make('h4', { text: 'Result' }), pre(result),
    ]);
    this.inside.replaceChildren(figure, raw);
    this.element.open = true;
  }

  cut() {
    if (this.element.dataset.state !== 'running') return;
    this.element.dataset.state = 'cut';
    this.took.textContent = 'cut off';
    this.mark.replaceChildren(icon('cross'));
  }
}

const known = (values) => values.filter((value) => Number.isFinite(value));

/** A scale that spreads values over the height between `bottom` and `top`. */
function scale(values, bottom, top, least) {
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (high - low < least) [low, high] = [(low + high - least) / 2, (low + high + least) / 2];
  return (value) => bottom - ((value - low) / (high - low)) * (bottom - top);
}

function hourly({ hours, days }) {
  const step = (WIDTH - 40) / Math.max(1, hours.length - 1);
  const x = (index) => 20 + index * step;
  const heat = hours.map((hour) => hour.temperature);
  const y = scale(known(heat).length ? known(heat) : [0], 112, 28, 6);
  const most = Math.max(2, ...known(hours.map((hour) => hour.rain)));
  const parts = [draw('line', { class: 'grid', x1: 12, x2: WIDTH - 12, y1: 142, y2: 142 })];
  hours.forEach((hour, index) => {
    const tall = ((hour.rain ?? 0) / most) * 56;
    if (tall > 0) parts.push(draw('rect', { class: 'rain', x: x(index) - step * 0.36, y: 142 - tall, width: step * 0.72, height: tall, rx: 2 }));
    const every = (days.length > 1 ? 6 : 3) * (NARROW ? 2 : 1);
    if (index % every === 0) parts.push(label(x(index), 160, hour.time.slice(11, 16)));
  });
  // A gap in the data is a gap in the line.
  let path = '';
  heat.forEach((value, index) => {
    if (Number.isFinite(value)) path += `${Number.isFinite(heat[index - 1]) ? 'L' : 'M'}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
  });
  parts.push(draw('path', { class: 'heat', d: path || 'M0 0' }));
  for (const pick of [Math.min, Math.max]) {
    const value = pick(...known(heat));
    const index = heat.indexOf(value);
    if (index >= 0) parts.push(label(Math.min(Math.max(x(index), 24), WIDTH - 24), y(value) + (pick === Math.max ? -9 : 17), `${Math.round(value)}°`, 'value'));
  }
  return parts;
}

function daily({ days }) {
  const step = (WIDTH - 20) / days.length;
  const wide = Math.min(26, step * 0.62);
  // Labels that would touch are left out; the list below the chart has every day.
  const every = Math.ceil(32 / step);
  const all = known(days.flatMap((day) => [day.low, day.high]));
  const y = scale(all.length ? all : [0], 96, 26, 6);
  const most = Math.max(5, ...known(days.map((day) => day.rain)));
  const parts = [draw('line', { class: 'grid', x1: 12, x2: WIDTH - 12, y1: 148, y2: 148 })];
  days.forEach((day, index) => {
    const x = 10 + step * (index + 0.5);
    const tall = ((day.rain ?? 0) / most) * 30;
    if (tall > 0) parts.push(draw('rect', { class: 'rain', x: x - wide / 2, y: 148 - tall, width: wide, height: tall, rx: 3 }));
    if (Number.isFinite(day.low) && Number.isFinite(day.high)) {
      const top = y(day.high);
      parts.push(draw('rect', { class: 'span', x: x - 4, y: top, width: 8, height: Math.max(8, y(day.low) - top), rx: 4 }));
      if (index % every === 0) parts.push(label(x, top - 7, `${Math.round(day.high)}°`, 'value'), label(x, Math.max(y(day.low), top + 8) + 13, `${Math.round(day.low)}°`));
    }
    if (index % every === 0) parts.push(label(x, 164, day.weekday.slice(0, 3)));
  });
  return parts;
}

function label(x, y, text, kind = '') {
  return draw('text', { x: x.toFixed(1), y: y.toFixed(1), 'text-anchor': 'middle', class: kind, text });
}

function span(days) {
  return days.length === 1 ? days[0].weekday : `${days[0].weekday} to ${days.at(-1).weekday}`;
}

function brief(given) {
  return Object.entries(given).map(([name, value]) => `${name.replaceAll('_', ' ')} ${value}`).join(', ');
}

function pre(value) {
  return make('pre', { text: JSON.stringify(value, null, 2), tabindex: '0' });
}
