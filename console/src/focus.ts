// Focus that goes with the element that had it would be at the top of the page again: it goes to the view's home
// instead, the element that is marked so.

const isThere = (one: Element) => one.isConnected && one.checkVisibility() && !one.matches(':disabled');

export function keepFocus(): void {
  let last: Element | null = null;
  addEventListener('focusin', ({ target }) => (last = target as Element));
  new MutationObserver(() => {
    if (document.activeElement !== document.body || last === null || isThere(last)) return;
    const home = [...document.querySelectorAll<HTMLElement>('[data-home]')].find((one) => one.checkVisibility());
    home?.focus({ preventScroll: true });
  }).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['disabled', 'hidden'] });
}
