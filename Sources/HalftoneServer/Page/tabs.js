// The views, one shown at a time; the address names it, so that Back and links work.

import { byID, rove, stepInRow } from './dom.js';

/** Shows views by tabs; each gets a `shown` or `left` event. Returns a function that shows one. */
export function startTabs(list) {
  const tabs = [...list.querySelectorAll('[role=tab]')];
  const view = tab => byID(tab.getAttribute('aria-controls'));
  const roving = rove(list, tabs, stepInRow(tabs.length));

  const show = tab => {
    tabs.forEach((other, index) => {
      const isShown = other === tab;
      const wasShown = !view(other).hidden;
      other.setAttribute('aria-selected', String(isShown));
      view(other).hidden = !isShown;
      if (isShown) roving.settle(index);
      if (isShown !== wasShown) {
        view(other).dispatchEvent(new Event(isShown ? 'shown' : 'left'));
      }
    });
    document.title = `${tab.textContent} – Halftone`;
  };
  const fromAddress = () => {
    const named = tabs.find(tab => `#${view(tab).id}` === location.hash);
    // Addresses of other places on the page, as that of the skip link, change no view.
    if (named) show(named);
    else if (tabs.every(tab => view(tab).hidden)) show(tabs[0]);
  };

  for (const tab of tabs) {
    tab.addEventListener('click', () => {
      history.pushState(null, '', `#${view(tab).id}`);
      show(tab);
    });
    // Arrows choose as they move: every view is at hand at once.
    tab.addEventListener('focus', () => {
      if (tab.getAttribute('aria-selected') !== 'true') tab.click();
    });
  }
  addEventListener('hashchange', fromAddress);
  addEventListener('popstate', fromAddress);
  fromAddress();
}
