// What stands over the host on the picture: captions, card, question, title. The label always stays.
// In:  the status, presses.   Out: commands.

import { act } from "./act.js";
import { may, show } from "./state.js";

const $ = (id) => document.getElementById(id);
const boxes = () => document.querySelectorAll("#layers input");

export function showLayers() {
  $("layers").hidden = !may("layers") || !show.status?.layers;
  for (const box of boxes()) {
    if (!box.disabled) box.checked = show.status?.layers?.[box.dataset.layer] ?? true;
  }
}

export function wireLayers() {
  for (const box of boxes()) {
    box.addEventListener("change", async () => {
      box.disabled = true; // until it is known what became of it
      await act($("layers-receipt"), "layers", { [box.dataset.layer]: box.checked });
      box.disabled = false;
      showLayers();
    });
  }
}
