// Numbers as people read them, the way that Halftone's reports write them.

/** A whole number with groups of three digits: `134,515,008`. */
export function grouped(value) {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Bytes in units of 1000: `59.8 MB`. */
export function bytes(count) {
  let value = count;
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (value < 1000) return `${unit === 'B' ? Math.round(value) : value.toFixed(1)} ${unit}`;
    value /= 1000;
  }
  return `${value.toFixed(2)} TB`;
}

/** A number in few characters: `0.025`, `12.5`, `3.2·10⁻⁷`. */
export function short(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6) return value.toPrecision(3).replace(/e\+?/, '·10^');
  if (size >= 1e4) return grouped(value);
  if (size >= 1e-3) return trimmed(value.toPrecision(size >= 1 ? 4 : 3)).replace('-', '−');
  const exponent = Math.floor(Math.log10(size));
  const power = '10⁻' + [...String(-exponent)].map(digit => '⁰¹²³⁴⁵⁶⁷⁸⁹'[digit]).join('');
  const mantissa = trimmed((value / 10 ** exponent).toPrecision(2));
  return (mantissa === '1' ? power : `${mantissa}·${power}`).replace(/^-/, '−');
}

function trimmed(text) {
  return text.includes('.') && !text.includes('e') ? text.replace(/\.?0+$/, '') : text;
}

/** Bits per weight, always with two decimals so that they align. */
export function bits(value) {
  return value.toFixed(2);
}

/** Tokens per second, with a decimal where it says something. */
export function speed(value) {
  if (value === 0) return '0';
  return value >= 100 ? grouped(value) : value.toFixed(1);
}

/** Seconds as `0.42 s`, `12 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
}

export function percent(share, digits = 0) {
  return `${(100 * share).toFixed(digits)} %`;
}

/** Facts in a line that breaks only between them: `128 tokens · 42.1 tokens/s`. */
export function joined(facts) {
  return facts.filter(Boolean).map(fact => fact.replaceAll(' ', '\u00a0')).join(' · ');
}

/** `1 token`, `12 tokens`. */
export function counted(count, word) {
  return `${grouped(count)} ${word}${count === 1 ? '' : 's'}`;
}
