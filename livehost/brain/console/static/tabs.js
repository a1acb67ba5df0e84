// Tabs by the pattern that screen readers know: arrows move, one of them is in the tab order.
// In:  presses.   Out: one panel shown; `changed` is told its name.

const KEY = "livehost.panel";

export function wireTabs(list, changed) {
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const open = (tab, focus) => {
    for (const other of tabs) {
      const on = other === tab;
      other.setAttribute("aria-selected", String(on));
      other.tabIndex = on ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls")).hidden = !on;
    }
    if (focus) tab.focus();
    sessionStorage.setItem(KEY, tab.id);
    changed(tab.id.replace("tab-", ""));
  };
  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) open(tab, false);
  });
  list.addEventListener("keydown", (event) => {
    const shown = tabs.filter((tab) => !tab.hidden);
    const at = shown.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: shown.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    open(shown[(to + shown.length) % shown.length], true);
  });
  const kept = tabs.find((tab) => tab.id === sessionStorage.getItem(KEY) && !tab.hidden);
  open(kept ?? tabs[0], false);
}
