// Digits side by side, each with what is below it, and each a button where it can be opened. gallery.py says why.

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector(".lab-tiles");
  list.press = (key) => setTriggerValue("pressed", key);
  list.style.setProperty("--side", `${data.side}px`);
  const shown = JSON.stringify(data.tiles);
  if (list.shown === shown) return; // the focus stays where it is
  list.shown = shown;
  list.replaceChildren(...data.tiles.map((tile) => item(list, tile)));
  [...list.querySelectorAll("button")].find((button) => button.value === data.focus)?.focus();
}

function item(list, { image, alt, caption, mark, key }) {
  const tile = document.createElement(key ? "button" : "div");
  tile.className = `lab-tile ${mark}`;
  if (key) {
    tile.type = "button";
    tile.value = key;
    tile.onclick = () => list.press(key);
  }
  const picture = tile.appendChild(document.createElement("img"));
  Object.assign(picture, { src: `data:image/png;base64,${image}`, alt, title: alt });
  const words = tile.appendChild(document.createElement("span"));
  words.textContent = caption;
  const one = document.createElement("li");
  one.appendChild(tile);
  return one;
}
