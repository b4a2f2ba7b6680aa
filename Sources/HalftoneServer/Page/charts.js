// Drawings: the last minute, parts of a whole, a distribution, the frontier.

import { element, rove, stepInRow, svg } from './dom.js';
import { bits, bytes, grouped, percent, short } from './numbers.js';
import { makeScale } from './scale.js';

/** The latest `length` values as a line; the newest is at the right. */
export function sparkline(values, length) {
  const [width, height] = [72, 20];
  const most = Math.max(1, ...values);
  const points = values.map((value, index) => {
    const x = width - 2 - (values.length - 1 - index) * (width - 4) / (length - 1);
    return `${x.toFixed(1)},${(height - 2 - (height - 4) * value / most).toFixed(1)}`;
  });
  return svg('svg', { viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' },
    svg('polyline', { points: points.join(' '), class: 'line' }));
}

/** A drawing that is made again for each width it is given. */
function fitted(draw) {
  const place = element('div', { class: 'drawing' });
  let drawnWidth = 0;
  new ResizeObserver(([{ contentRect }]) => {
    const width = Math.round(contentRect.width);
    if (width === 0 || width === drawnWidth) return;
    drawnWidth = width;
    place.replaceChildren(draw(width));
  }).observe(place);
  return place;
}

/** Bytes of each kind as one bar with its parts named below. */
export function partsBar(parts) {
  const shown = parts.filter(part => part.bytes > 0);
  const sum = shown.reduce((total, part) => total + part.bytes, 0);
  const bar = element('div', { class: 'parts', 'aria-hidden': 'true' });
  for (const [index, part] of shown.entries()) {
    const piece = element('span', { class: `series-${index % 7}`, title: part.kind });
    piece.style.flexGrow = part.bytes / sum;
    bar.append(piece);
  }
  return [bar, element('ul', { class: 'legend' }, shown.map((part, index) =>
    element('li', {},
      element('span', { class: `swatch series-${index % 7}`, 'aria-hidden': 'true' }),
      `${part.kind} `, element('span', { class: 'value' },
        `${bytes(part.bytes)}, ${percent(part.bytes / sum, part.bytes < sum / 100 ? 1 : 0)}`))))];
}

/** The values of a matrix as counts between its least and greatest. */
export function histogram({ least, most, counts, name }) {
  return fitted(width => {
    const [height, base] = [150, 128];
    const highest = Math.max(1, ...counts);
    const step = (width - 2) / counts.length;
    const scale = makeScale([least, most]);
    const at = value => 1 + scale.place(value) * (width - 2);
    const middle = index => short(least + (index + 0.5) * (most - least) / counts.length);
    return svg('svg', { width, height, role: 'img',
      'aria-label': `Distribution of ${name}: values from ${short(least)} to ${short(most)}, most `
        + `around ${middle(counts.indexOf(highest))}` },
    counts.map((count, index) => {
      const size = (base - 4) * count / highest;
      return svg('rect', { x: 1 + index * step, y: base - size, width: Math.max(0.5, step - 1),
        height: size, class: 'mass' },
      svg('title', {}, `${grouped(count)} around ${middle(index)}`));
    }),
    svg('line', { x1: 0, x2: width, y1: base + 0.5, y2: base + 0.5, class: 'axis' }),
    scale.ticks(Math.min(9, width / 70)).map(tick => svg('text', { x: at(tick), y: base + 16,
      'text-anchor': at(tick) < 14 ? 'start' : at(tick) > width - 14 ? 'end' : 'middle' },
    short(tick))));
  });
}

/** What a point of the frontier is, in words. */
export function frontierText(point) {
  return `${point.name}: ${bytes(point.bytes)}, ${bits(point.bits_per_weight)} bits per weight, `
    + `${short(point.divergence)} nats${point.chosen ? '; this one was chosen' : ''}`;
}

/** Bytes against divergence; the line joins those that no smaller one is nearer than. */
export function frontierChart(points, onPoint) {
  const sorted = [...points].filter(point => point.divergence > 0)
    .sort((one, other) => one.bytes - other.bytes);
  let least = Infinity;
  const best = sorted.filter(point => {
    const isBest = point.divergence < least;
    least = Math.min(least, point.divergence);
    return isBest;
  });
  const x = makeScale(sorted.map(point => point.bytes), { room: 0.06 });
  const y = makeScale(sorted.map(point => point.divergence), { isLogarithmic: true, room: 0.08 });

  return fitted(width => {
    const height = Math.round(Math.min(380, Math.max(240, width * 0.5)));
    const [left, right, top, bottom] = [46, width - 10, 26, height - 44];
    const atX = value => left + x.place(value) * (right - left);
    const atY = value => bottom - y.place(value) * (bottom - top);
    const dots = sorted.map(point => svg('circle', {
      cx: atX(point.bytes), cy: atY(point.divergence), r: point.chosen ? 6.5 : 5, role: 'img',
      'aria-label': frontierText(point), onpointerenter: () => onPoint(point),
      class: point.chosen ? 'dot chosen' : best.includes(point) ? 'dot' : 'dot beaten',
    }));
    const plot = svg('svg', { width, height, role: 'group', class: 'frontier',
      'aria-label': 'Frontier: arrow keys move between points' },
    y.ticks(height / 60).map(tick => [
      svg('line', { x1: left, x2: right, y1: atY(tick), y2: atY(tick), class: 'grid' }),
      svg('text', { x: left - 8, y: atY(tick) + 4, 'text-anchor': 'end' }, short(tick))]),
    svg('line', { x1: left, x2: right, y1: bottom, y2: bottom, class: 'axis' }),
    x.ticks(width / 110).map(tick => svg('text',
      { x: atX(tick), y: bottom + 18, 'text-anchor': 'middle' }, bytes(tick).replace('.0 ', ' '))),
    svg('text', { x: 0, y: 12 }, 'divergence, nats per token'),
    svg('text', { x: right, y: height - 6, 'text-anchor': 'end' }, 'bytes of the packed matrices'),
    svg('polyline', { class: 'line',
      points: best.map(point => `${atX(point.bytes)},${atY(point.divergence)}`).join(' ') }),
    dots);
    rove(plot, dots, stepInRow(dots.length), (_, index) => onPoint(sorted[index]));
    return plot;
  });
}
