// Digits side by side with their captions. A digit with a key is a button. gallery.py explains why.

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
