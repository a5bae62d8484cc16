// The buttons below the canvas press the buttons of its own toolbar. The toolbar appears only for a mouse. On a touch
// screen it is invisible, but would still catch touches in the upper right corner of the canvas.

const STYLE = `
.dc-toolbar { display: none !important; }
.dc-container, .canvas-container, canvas {
  width: 100% !important;
  height: auto !important;
  aspect-ratio: var(--shape);
}
.dc-container { width: var(--width) !important; max-width: 100%; }
.dc-scroll { overflow: hidden !important; }
canvas {
  touch-action: none !important; /* a finger draws, and does not scroll */
  user-select: none;
  -webkit-user-select: none;
  -webkit-touch-callout: none;
}
/* The border colour of the theme is too weak to separate the black canvas from a dark page. */
.upper-canvas {
  outline: 1px solid color-mix(in srgb, var(--st-text-color) 60%, var(--st-background-color));
  outline-offset: -1px;
}`;

// Streamlit calls the function below after each run of the page.
const all = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const field = parentElement.querySelector(".tools");
  if (!all.has(field)) all.set(field, begin(field));
  const tools = all.get(field);
  tools.data = data;
  tools.near = () => data.near && setTriggerValue("near", true);
  for (const [name, button] of Object.entries(tools.buttons)) button.textContent = data.words[name];
  look(tools);
  return tools.leave;
}

function begin(field) {
  const buttons = Object.fromEntries([...field.querySelectorAll("button")].map((one) => [one.className, one]));
  const tools = { field, buttons, canvas: null, cleared: [] };
  buttons.undo.onclick = () => pressed(tools, "Undo") || again(tools, tools.cleared);
  buttons.redo.onclick = () => pressed(tools, "Redo");
  buttons.clear.onclick = () => clear(tools);
  tools.states = new MutationObserver(() => show(tools));
  tools.leave = listen(tools);
  return tools;
}

// -------------------------------------------------------------------------------- the canvas

// The canvas appears by itself, and may be replaced after a run of the page.
function look(tools) {
  cancelAnimationFrame(tools.looking);
  const around = tools.field.getRootNode().host?.closest(`.${tools.data.around}`);
  const roots = [...(around?.querySelectorAll("*") ?? [])].map((element) => element.shadowRoot);
  const canvas = roots.map((root) => root?.querySelector(".dc-root")).find(Boolean);
  if (canvas?.querySelector(".upper-canvas")) {
    if (canvas !== tools.canvas) meet(tools, canvas);
  } else tools.looking = requestAnimationFrame(() => look(tools));
}

function meet(tools, canvas) {
  const { width, height, words, strokes } = tools.data;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  canvas.getRootNode().adoptedStyleSheets = [sheet];
  tools.field.style.maxWidth = `${width}px`;
  canvas.style.setProperty("--width", `${width}px`);
  canvas.style.setProperty("--shape", `${width} / ${height}`);
  const paper = canvas.querySelector(".upper-canvas");
  paper.setAttribute("role", "img");
  paper.setAttribute("aria-label", words.canvas);
  // Not "pointerenter": that also happens when the canvas appears under a mouse that rests.
  paper.addEventListener("pointermove", () => tools.near(), { once: true });
  Object.assign(tools, { canvas, cleared: [] });
  tools.states.disconnect();
  tools.states.observe(canvas, { subtree: true, attributes: true, attributeFilter: ["disabled"] });
  if (button(tools, "Undo").disabled) again(tools, strokes);
  show(tools);
}

function button({ canvas }, name) {
  return canvas?.querySelector(`.dc-toolbar button[aria-label^="${name}"]`);
}

function pressed(tools, name) {
  const found = button(tools, name);
  if (!found || found.disabled) return false;
  found.click(); // the button is invisible, but works
  return true;
}

function clear(tools) {
  if (button(tools, "Undo")?.disabled !== false) return;
  tools.cleared = tools.data.strokes;
  pressed(tools, "Reset");
}

function show(tools) {
  const undo = !button(tools, "Undo")?.disabled;
  const possible = { undo: undo || tools.cleared.length, redo: !button(tools, "Redo")?.disabled, clear: undo };
  for (const [name, can] of Object.entries(possible)) tools.buttons[name].setAttribute("aria-disabled", !can);
}

// ----------------------------------------------------------------------------- replaying strokes

// Earlier strokes are drawn again, one after the other, so that they can be undone: the canvas cannot undo
// strokes that it was created with.
async function again(tools, strokes) {
  const { canvas } = tools;
  for (const stroke of strokes) {
    draw(tools, stroke);
    await null; // the canvas keeps the stroke after this task
    while (button(tools, "Undo").disabled) {
      await new Promise(requestAnimationFrame); // it is not ready yet
      if (canvas !== tools.canvas || !canvas.isConnected) return;
      draw(tools, stroke);
      await null;
    }
  }
  if (strokes.length) pressed(tools, "Update");
}

function draw({ canvas, data }, stroke) {
  const paper = canvas.querySelector(".upper-canvas");
  const box = paper.getBoundingClientRect();
  const scale = box.width / data.width;
  const move = (type, [x, y], at = document) => {
    const event = new MouseEvent(type, { bubbles: true, cancelable: true, composed: true });
    // Set the coordinates afterwards: a new event would round them to whole pixels.
    Object.defineProperty(event, "clientX", { value: box.left + x * scale });
    Object.defineProperty(event, "clientY", { value: box.top + y * scale });
    at.dispatchEvent(event);
  };
  // At the end of a stroke, the canvas drops the position before the last one. So there has to be one more.
  const path = stroke.filter(([x, y], n) => !n || x !== stroke[n - 1][0] || y !== stroke[n - 1][1]);
  const [[x, y], [u, v]] = [path.at(-1), path.at(-2) ?? path[0]];
  path.splice(-1, 0, [(x + u) / 2, (y + v) / 2]);
  move("mousedown", path[0], paper);
  for (const point of path.slice(1)) move("mousemove", point);
  move("mouseup", path.at(-1));
}

// -------------------------------------------------------------------------------- at pen-up

// The canvas waits a fifth of a second after each stroke before it sends the drawing, in case another one follows.
// The first button of its toolbar sends at once.
function listen(tools) {
  let drawing = false;
  const down = (event) => {
    drawing = event.isTrusted && event.composedPath().includes(tools.canvas);
  };
  const up = (event) => {
    if (!drawing || event.touches?.length) return; // another finger is still drawing
    drawing = false;
    setTimeout(() => pressed(tools, "Update")); // after the canvas has handled the event and has the stroke
  };
  const listeners = { mousedown: down, touchstart: down, mouseup: up, touchend: up };
  for (const [type, hear] of Object.entries(listeners)) window.addEventListener(type, hear, { passive: true });
  return () => {
    cancelAnimationFrame(tools.looking);
    tools.states.disconnect();
    for (const [type, hear] of Object.entries(listeners)) window.removeEventListener(type, hear);
  };
}
