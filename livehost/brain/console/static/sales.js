// Products: go to one, keep its card on the picture, and flash sales with their countdown.
// In:  the state and the rundown.   Out: rows; commands.

import { act, confirmed, twice } from "./act.js";
import { button, element, follow } from "./lists.js";
import { may, show } from "./state.js";
import { minutes, moment } from "./status.js";
import { word } from "./words.js";

const $ = (id) => document.getElementById(id);
const LENGTHS = [3, 5, 10, 15, 30, 60];

function change(name, args, options) {
  return act($("product-receipt"), name, args, options);
}

export function showProducts() {
  const { products = [], product } = show.status ?? {};
  const pinned = show.rundown?.pinned ?? "";
  if (!products.length) $("products").replaceChildren(element("li", "empty", word("noProducts")));
  else {
    follow(
      $("products"), products, ({ id }) => id,
      ({ id, name, price }) => JSON.stringify([name, price, id === product, id === pinned, may("product"), canPin()]),
      (item) => productRow(item, item.id === product, item.id === pinned),
    );
  }
  showSales();
}

function canPin() {
  return may("pin") && Boolean(show.rundown);
}

function productRow({ id, name, price }, on, pinned) {
  const node = element(
    may("product") ? "button" : "div", "product",
    element("span", "name", String(name ?? id)), on ? element("span", "tag", word("sold")) : null,
    price === undefined || price === null ? null : element("span", "price", `¥${price}`),
  );
  if (may("product")) {
    node.type = "button";
    node.setAttribute("aria-pressed", String(on));
    twice(node, () => change("product", { id }));
  }
  const row = element("li", on ? "on" : "", node);
  if (canPin()) row.append(pinButton(id, name, pinned));
  return row;
}

function pinButton(id, name, pinned) {
  const done = pinned ? "ok.unpin" : "ok.pin";
  const what = word(pinned ? "unpin" : "pin");
  const press = () => change("pin", { product: pinned ? "" : id }, { done });
  return button(what, pinned ? "small pin pinned" : "small pin", press, word("of", { what, name: name ?? id }));
}

// --- flash sales ------------------------------------------------------------------------------------

function showSales() {
  const sales = show.rundown?.flash_sales ?? [];
  follow(
    $("sales"), sales, ({ id }) => id,
    ({ left_seconds: _, ...rest }) => JSON.stringify([rest, may("flash_sale"), nameOf(rest.product)]), saleRow,
  );
  for (const sale of sales) tick(sale);
}

function nameOf(product) {
  return show.status?.products?.find(({ id }) => id === product)?.name ?? product;
}

// What is left now, by our own clock since the rundown came: the wall clocks may differ.
function tick({ id, on, left_seconds: left }) {
  const row = [...$("sales").children].find(({ dataset }) => dataset.key === id);
  const clock = row?.querySelector(".countdown");
  if (!clock || !on) return;
  clock.textContent = minutes(left - (performance.now() - show.rundown.at) / 1000);
}

function saleRow(sale) {
  const { id, product, price, on } = sale;
  const head = element(
    "div", "sale-head", element("b", "", word("flashSale")), element("span", "name", nameOf(product)),
    price ? element("span", "price", `¥${price}`) : null,
    on ? element("span", "countdown") : null,
  );
  head.querySelector(".countdown")?.setAttribute("role", "timer");
  const row = element("li", on ? "sale on" : "sale", head);
  if (!on && sale.start) row.append(element("small", "", word("saleAt", { at: moment(sale.start) })));
  if (may("flash_sale")) row.append(on ? stopper(id, product) : starter(sale));
  return row;
}

function stopper(id, product) {
  return button(word("saleStop"), "small danger", async () => {
    const sure = await confirmed(word("saleStopAsk", { name: nameOf(product) }), word("saleStopMeans"), word("saleStop"));
    if (sure) change("flash_sale", { id, stop: true }, { done: "ok.saleStop" });
  }, `${word("saleStop")} ${nameOf(product)}`);
}

function starter({ id, product, minutes: usual }) {
  const length = element("select");
  length.setAttribute("aria-label", `${word("saleLength")} ${nameOf(product)}`);
  for (const n of [...new Set([...LENGTHS, usual || 10])].sort((a, b) => a - b)) {
    const option = element("option", "", word("minutes", { n }));
    option.value = n;
    length.append(option);
  }
  length.value = String(usual || 10);
  const start = button(word("saleStart"), "small main", () => {}, `${word("saleStart")} ${nameOf(product)}`);
  twice(start, () => change("flash_sale", { id, minutes: Number(length.value) }, { done: "ok.saleStart" }));
  return element("span", "sale-how", length, start);
}
