// A button that copies a text.

import { announce, button, element } from './dom.js';

/** Copies what `text` returns. */
export function copyButton(text) {
  const made = button('Copy', async () => {
    const isCopied = await copy(text());
    made.textContent = isCopied ? 'Copied' : 'Not copied';
    announce(made.textContent);
    setTimeout(() => { made.textContent = 'Copy'; }, 1500);
  }, { class: 'plain' });
  return made;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Browsers withhold the clipboard from pages that came over plain HTTP from another machine.
    const area = element('textarea', { class: 'unseen' });
    const focused = document.activeElement;
    area.value = text;
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand('copy');
    area.remove();
    focused?.focus();
    return isCopied;
  }
}
