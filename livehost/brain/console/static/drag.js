// Moving the rows of a list with a finger or a mouse, by a handle.
// In:  pointer events on `.grip`.   Out: the key of the row that was moved, and the place it has now.
//
// A finger has to rest on the handle first, so that a list can still be scrolled over it; the browser is kept from
// scrolling only while a row is in the hand. Arrow buttons do the same for the keyboard.

const REST_MS = 220; // a finger on the handle for so long takes the row
const SLIP = 8; // pixels: further before that is a scroll
const EDGE = 64; // pixels from the upper and lower end in which the list scrolls
const SPEED = 14; // pixels a frame at most

export function sortable(list, moved) {
  let hand = null; // what is in the hand: {row, grip, pointer, from, y, scrolled}
  let waiting = null; // the finger that rests: {timer, x, y}

  const rows = () => [...list.children].filter((row) => row !== hand.row);

  // The row under the hand's middle, and whether the hand is below its middle.
  function target() {
    const others = rows();
    const row = others.find((other) => hand.y < other.getBoundingClientRect().bottom) ?? others.at(-1);
    const box = row?.getBoundingClientRect();
    return { row, below: Boolean(box) && hand.y > box.top + box.height / 2 };
  }

  function lift(grip, { pointerId, clientY }) {
    const row = grip.closest("[data-key]");
    if (row.dataset.held) return; // somebody writes in it
    hand = { row, grip, pointer: pointerId, from: clientY, y: clientY, scrolled: list.scrollTop + window.scrollY };
    row.dataset.held = "1";
    row.classList.add("dragged");
    document.body.classList.add("lifting");
    grip.setPointerCapture(pointerId);
    navigator.vibrate?.(12);
    requestAnimationFrame(step);
  }

  function step() {
    if (!hand) return;
    if (!hand.row.isConnected) {
      drop(false);
      return;
    }
    scroll();
    follow();
    requestAnimationFrame(step);
  }

  function scroll() {
    const box = list.getBoundingClientRect();
    const top = Math.max(box.top, 0);
    const bottom = Math.min(box.bottom, window.innerHeight);
    const past = hand.y < top + EDGE ? hand.y - top - EDGE : hand.y > bottom - EDGE ? hand.y - bottom + EDGE : 0;
    const by = Math.max(-SPEED, Math.min(SPEED, past / 4));
    if (!by) return;
    const before = list.scrollTop;
    list.scrollTop += by;
    const hides = by < 0 ? box.top < 0 : box.bottom > window.innerHeight;
    if (list.scrollTop === before && hides) window.scrollBy(0, by);
  }

  function follow() {
    const by = hand.y - hand.from + list.scrollTop + window.scrollY - hand.scrolled;
    hand.row.style.transform = `translateY(${by}px)`;
    clear();
    const { row, below } = target();
    row?.classList.add(below ? "drop-below" : "drop-above");
  }

  function clear() {
    for (const row of list.children) row.classList.remove("drop-above", "drop-below");
  }

  function drop(wanted) {
    clearTimeout(waiting?.timer);
    waiting = null;
    if (!hand) return;
    const { row } = hand;
    const { row: other, below } = target();
    const keys = rows().map(({ dataset }) => dataset.key);
    clear();
    row.classList.remove("dragged");
    row.style.transform = "";
    delete row.dataset.held;
    document.body.classList.remove("lifting");
    hand = null;
    if (wanted && other) moved(row.dataset.key, keys.indexOf(other.dataset.key) + (below ? 1 : 0));
  }

  list.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest(".grip");
    if (!grip || event.button !== 0 || hand) return;
    if (event.pointerType === "mouse") {
      event.preventDefault(); // no text is selected
      lift(grip, event);
    } else {
      clearTimeout(waiting?.timer);
      waiting = { x: event.clientX, y: event.clientY, timer: setTimeout(() => lift(grip, event), REST_MS) };
    }
  });
  list.addEventListener("pointermove", (event) => {
    if (hand) hand.y = hand.pointer === event.pointerId ? event.clientY : hand.y;
    else if (waiting && Math.hypot(event.clientX - waiting.x, event.clientY - waiting.y) > SLIP) drop(false);
  });
  const ours = ({ pointerId }) => !hand || hand.pointer === pointerId;
  list.addEventListener("pointerup", (event) => ours(event) && drop(true));
  list.addEventListener("pointercancel", (event) => ours(event) && drop(false));
  list.addEventListener("touchmove", (event) => hand && event.preventDefault(), { passive: false });
  list.addEventListener("contextmenu", (event) => event.target.closest(".grip") && event.preventDefault());
  document.addEventListener("keydown", (event) => hand && event.key === "Escape" && drop(false));
}
