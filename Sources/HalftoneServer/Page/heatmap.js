// A heat map that pointer and keyboard read alike: a grid of cells, one of them in the Tab order.

import { element, rove } from './dom.js';
import { colourByShare, makeScale } from './scale.js';

/**
 * Draws values by row and column.
 *
 * `cells` holds `{ row, column, value, text, ...yours }`, with indices into `rows` and `columns`;
 * `format` writes the ends of the key. `onRead` gets the cell that is pointed at or focused,
 * `onOpen` the one that is clicked or entered.
 */
export function heatMap({ title, rows, columns, columnName, cells, isLogarithmic, format, onRead,
  onOpen }) {
  const scale = makeScale(cells.map(cell => cell.value), { isLogarithmic });
  const byPlace = new Map(cells.map(cell => [cell.row * columns.length + cell.column, cell]));
  const items = [];
  const every = columns.length <= 12 ? 1 : columns.length <= 60 ? 5 : 10;

  const grid = element('div', { class: 'heat', role: 'grid', 'aria-label': title,
    'aria-rowcount': rows.length + 1, 'aria-colcount': columns.length + 1 },
  element('div', { role: 'row' },
    element('span', { role: 'columnheader', class: 'corner' }, columnName),
    columns.map((name, column) => element('span', { role: 'columnheader', class: 'column',
      'aria-label': `${columnName} ${name}` }, column % every === 0 ? String(name) : ''))),
  rows.map((name, row) => element('div', { role: 'row' },
    element('span', { role: 'rowheader' }, name),
    columns.map((_, column) => {
      const cell = byPlace.get(row * columns.length + column);
      const share = cell ? scale.place(cell.value) : null;
      const node = element('span', { role: 'gridcell', tabindex: '-1',
        class: share === null ? 'cell unknown' : 'cell',
        'aria-label': cell?.text ?? `${name}, ${columnName} ${columns[column]}: none` });
      if (share !== null) colourByShare(node, share);
      items.push(node);
      return node;
    }))));
  grid.style.setProperty('--columns', columns.length);

  const cellOf = node => byPlace.get(items.indexOf(node));
  const open = node => {
    const cell = cellOf(node);
    if (!cell) return;
    grid.querySelector('[aria-selected]')?.removeAttribute('aria-selected');
    node.setAttribute('aria-selected', 'true');
    onOpen(cell);
  };
  rove(grid, items, (key, at) => stepInGrid(key, at, rows.length, columns.length),
    node => onRead(cellOf(node)));
  grid.addEventListener('pointerover', event => onRead(cellOf(event.target)));
  grid.addEventListener('click', event => open(event.target));
  grid.addEventListener('keydown', event => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    open(event.target);
  });

  const key = element('p', { class: 'key' }, element('span', {}, format(scale.least)),
    scale.least !== scale.most && [element('span', { class: 'ramp', 'aria-hidden': 'true' }),
      element('span', {}, format(scale.most))],
    element('span', { class: 'muted' }, title));
  return [element('div', { class: 'scroll' }, grid), key];
}

function stepInGrid(key, at, rows, columns) {
  const [row, column] = [Math.floor(at / columns), at % columns];
  const [nextRow, nextColumn] = ({
    ArrowRight: [row, column + 1], ArrowLeft: [row, column - 1], ArrowDown: [row + 1, column],
    ArrowUp: [row - 1, column], Home: [row, 0], End: [row, columns - 1],
    PageUp: [0, column], PageDown: [rows - 1, column],
  })[key] ?? [-1, -1];
  const isInside = nextRow >= 0 && nextRow < rows && nextColumn >= 0 && nextColumn < columns;
  return isInside ? nextRow * columns + nextColumn : undefined;
}
