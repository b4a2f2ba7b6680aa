"""What the checks run inside the page."""

# Notes each length that the last answer has on its way, in `growth`.
FOLLOW_GROWTH = """() => {
  window.growth = [];
  new MutationObserver(() => {
    const length = [...document.querySelectorAll('.answer .said')].at(-1)?.textContent.length ?? 0;
    if (length && window.growth.at(-1) !== length) window.growth.push(length);
  }).observe(document.getElementById('turns'), { childList: true, subtree: true,
    characterData: true });
}"""

# Presses Stop as soon as an answer has begun to be written: small models are quicker than people.
STOP_AT_FIRST_TEXT = """() => {
  const observer = new MutationObserver(() => {
    const stop = document.getElementById('stop');
    if (stop.hidden || !document.querySelector('.answer[aria-busy] .said')?.textContent) return;
    observer.disconnect();
    stop.click();
  });
  observer.observe(document.getElementById('turns'), { childList: true, subtree: true });
}"""

# The texts that are seen and whose contrast is below WCAG 2.2's AA: 4.5, or 3 where large.
CONTRAST = r"""() => {
  const channels = text => {
    const numbers = text.match(/-?[\d.]+(e-?\d+)?/g).map(Number);
    const scale = text.startsWith('color(srgb') ? 255 : 1;
    const [red, green, blue, alpha = 1] = numbers;
    return [red * scale, green * scale, blue * scale, alpha];
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]))
    .concat(1);
  const behind = node => {
    if (!node) return channels(getComputedStyle(document.body).backgroundColor);
    const own = channels(getComputedStyle(node).backgroundColor);
    return own[3] === 1 ? own : over(own, behind(node.parentElement));
  };
  const luminance = colour => {
    const [red, green, blue] = colour.map(value => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.textContent.trim() || !node.checkVisibility({ visibilityProperty: true })) continue;
    if (node.closest('script, style, noscript, title, option, :disabled, .unseen')) continue;
    const style = getComputedStyle(node);
    const below = behind(node);
    const ink = over(channels(node.closest('svg') ? style.fill : style.color), below);
    const [one, other] = [luminance(ink), luminance(below)].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (contrast < (isLarge ? 3 : 4.5)) {
      faint.push(`${contrast.toFixed(2)}: ${text.textContent.trim().slice(0, 40)}`);
    }
  }
  return faint;
}"""

# Controls without a name, identifiers used twice, references to nothing, headings that skip one.
ACCESSIBILITY = r"""() => {
  const wrong = [];
  const isSeen = node => node.checkVisibility();
  for (const node of document.querySelectorAll('button, input, select, textarea, [tabindex]')) {
    const name = node.getAttribute('aria-label') || node.textContent.trim()
      || (node.getAttribute('aria-labelledby') && 'named') || node.labels?.[0]?.textContent.trim();
    if (isSeen(node) && !name) wrong.push(`no name: ${node.outerHTML.slice(0, 80)}`);
  }
  const identifiers = [...document.querySelectorAll('[id]')].map(node => node.id);
  for (const id of new Set(identifiers)) {
    if (identifiers.filter(other => other === id).length > 1) wrong.push(`used twice: ${id}`);
  }
  for (const name of ['aria-labelledby', 'aria-describedby', 'aria-controls', 'for']) {
    for (const node of document.querySelectorAll(`[${name}]`)) {
      for (const id of node.getAttribute(name).split(' ')) {
        if (!document.getElementById(id)) wrong.push(`${name} names nothing: ${id}`);
      }
    }
  }
  let level = 0;
  for (const node of document.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
    if (!isSeen(node) || node.closest('.prose, dialog')) continue;
    const next = Number(node.tagName[1]);
    if (next > level + 1) wrong.push(`heading ${next} after ${level}: ${node.textContent}`);
    level = next;
  }
  return wrong;
}"""
