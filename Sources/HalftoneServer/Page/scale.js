// Scales of values, and the colours of a share of a scale.

/**
 * A linear or logarithmic scale over values: `place` gives 0 to 1, or null where a value has none;
 * `ticks` are round values within it.
 */
export function makeScale(values, { isLogarithmic = false, room = 0 } = {}) {
  const usable = values.filter(value => Number.isFinite(value) && (!isLogarithmic || value > 0));
  const into = value => isLogarithmic ? Math.log10(value) : value;
  let least = into(Math.min(...usable));
  let most = into(Math.max(...usable));
  if (!usable.length) [least, most] = [0, 1];
  // Around a single value there is room too: half a decade, or as much as the value itself.
  const reach = most - least || (isLogarithmic ? 0.5 / room : Math.abs(most)) || 1;
  const margin = room && reach * room;
  least -= margin;
  most += margin;
  const span = most - least;
  const outOf = value => isLogarithmic ? 10 ** value : value;
  return {
    least: outOf(least), most: outOf(most),
    place: value => {
      if (!Number.isFinite(value) || (isLogarithmic && value <= 0)) return null;
      // Where all values are one, it lies in the middle.
      return span ? Math.min(1, Math.max(0, (into(value) - least) / span)) : 0.5;
    },
    ticks: count => (isLogarithmic ? decades : steps)(least, most, count),
  };
}

function steps(least, most, count) {
  const rough = (most - least) / Math.max(1, count) || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(factor => factor * power).find(size => size >= rough);
  const ticks = [];
  for (let at = Math.ceil(least / step); at * step <= most + step * 1e-9; at += 1) {
    ticks.push(Number((at * step).toPrecision(12)));
  }
  return ticks;
}

/** Powers of ten, with 2 and 5 between where there is room. */
function decades(least, most, count) {
  const factors = most - least > count / 2 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let power = Math.floor(least); power <= Math.ceil(most); power += 1) {
    for (const factor of factors) {
      const value = Number((factor * 10 ** power).toPrecision(3));
      if (Math.log10(value) >= least - 1e-9 && Math.log10(value) <= most + 1e-9) ticks.push(value);
    }
  }
  const every = Math.ceil(ticks.length / (count + 2));
  return ticks.filter((_, index) => index % every === 0);
}

/**
 * Colours a node by a share from 0 to 1. The style sheet mixes the colour, out of the three of the
 * ramp, so that it follows the theme.
 */
export function colourByShare(node, share) {
  node.style.setProperty('--low', `${Math.min(100, 200 * share)}%`);
  node.style.setProperty('--high', `${Math.max(0, 200 * share - 100)}%`);
}
