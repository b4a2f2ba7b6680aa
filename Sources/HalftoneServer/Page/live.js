// Speed and memory as they are now, asked for each second while the page is looked at.

import { fetchJSON, paths } from './api.js';
import { element } from './dom.js';
import { sparkline } from './charts.js';
import { bytes, speed } from './numbers.js';

const seconds = 60;
const pause = 1000;

/** Says `status` when `latest`, what the server said last of itself, is new. */
export const live = new EventTarget();
live.latest = null;

let isStarted = false;

/** Shows tokens per second with their last minute, and memory. */
export function startLive(place) {
  if (isStarted) return;
  isStarted = true;
  const rates = [];
  const drawing = element('span', { class: 'spark' });
  const rate = element('span', { class: 'value', id: 'live-rate' });
  const memory = element('span', { class: 'value', id: 'live-memory' });
  place.replaceChildren(element('span', { class: 'unseen' }, 'Memory of the server'), memory,
    drawing, element('span', { class: 'unseen' }, 'Speed'), rate);

  const show = status => {
    const sum = name => status.models.reduce((total, model) => total + model[name], 0);
    const now = sum('tokens_per_second');
    rates.push(now);
    if (rates.length > seconds) rates.shift();
    drawing.replaceChildren(sparkline(rates, seconds));
    const active = sum('active') + sum('waiting');
    rate.textContent = now > 0 ? `${speed(now)} tokens/s` : active ? 'reading' : 'idle';
    memory.textContent = bytes(status.resident_bytes);
    memory.title = 'Memory of the server';
    live.latest = status;
    live.dispatchEvent(new Event('status'));
  };

  let timer = null;
  const poll = async () => {
    timer = null;
    try {
      show(await fetchJSON(paths.status, { quiet: true }));
    } catch {
      rate.textContent = 'not reached';
      memory.textContent = '';
    }
    if (!document.hidden && timer === null) timer = setTimeout(poll, pause);
  };
  document.addEventListener('visibilitychange', () => {
    clearTimeout(timer);
    timer = null;
    if (!document.hidden) poll();
  });
  poll();
}
