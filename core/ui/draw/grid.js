// A grid of pixels to draw on with keys, mouse, pen or finger. grid.py explains why each pixel is an element.

const SIDE = 28;
const START = [4, 14]; // row and column of the cursor at the beginning, where most digits begin
const PAGE = 7; // rows that Page Up and Page Down move
const PAUSE = 300; // milliseconds after the last key before Python gets the drawing

const MOVES = {
  ArrowUp: ([row, column]) => [row - 1, column],
  ArrowDown: ([row, column]) => [row + 1, column],
  ArrowLeft: ([row, column]) => [row, column - 1],
  ArrowRight: ([row, column]) => [row, column + 1],
  PageUp: ([row, column]) => [row - PAGE, column],
  PageDown: ([row, column]) => [row + PAGE, column],
  Home: ([row, _column], ctrl) => [ctrl ? 0 : row, 0],
  End: ([row, _column], ctrl) => [ctrl ? SIDE - 1 : row, SIDE - 1],
};

// Streamlit calls the function below after each run of the page. The drawing is kept as long as the element exists.
const drawings = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  const field = parentElement.querySelector(".field");
  if (!drawings.has(field)) drawings.set(field, begin(field, data.pixels));
  const drawing = drawings.get(field);
  // The pixels are not updated: the visitor may have drawn more since Python got them.
  drawing.words = data.words;
  drawing.tell = (pixels) => setStateValue("pixels", pixels);
  field.querySelector("#label").textContent = data.words.label;
  field.querySelector("#hint").textContent = data.words.hint;
  field.querySelector(".clear").textContent = data.words.clear;
  drawing.cells.flat().forEach((cell) => name(drawing, cell));
  where(drawing);
  return () => clearTimeout(drawing.timer);
}

function begin(field, pixels) {
  const grid = field.querySelector(".grid");
  const drawing = { field, grid, cells: [], at: START, penDown: false, sent: pixels, timer: 0 };
  for (let row = 0; row < SIDE; row++) {
    const line = grid.appendChild(document.createElement("div"));
    line.setAttribute("role", "row");
    drawing.cells.push([]);
    for (let column = 0; column < SIDE; column++) {
      const cell = line.appendChild(document.createElement("div"));
      cell.setAttribute("role", "gridcell");
      cell.tabIndex = -1;
      cell.place = [row, column];
      cell.classList.toggle("ink", pixels[SIDE * row + column] === "1");
      drawing.cells[row].push(cell);
    }
  }
  cellAt(drawing, START).tabIndex = 0;
  grid.onkeydown = (event) => press(drawing, event);
  grid.onpointerdown = (event) => touch(drawing, event);
  grid.onpointermove = (event) => drag(drawing, event);
  grid.onlostpointercapture = (event) => lift(drawing, event);
  grid.onclick = (event) => click(drawing, event);
  grid.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false }); // as in canvas.js
  field.querySelector(".clear").onclick = () => {
    wipe(drawing);
    where(drawing);
    send(drawing);
  };
  return drawing;
}

// ------------------------------------------------------------------------------------ pixels

function cellAt(drawing, [row, column]) {
  return drawing.cells[row]?.[column];
}

function isInked(cell) {
  return cell.classList.contains("ink");
}

function name(drawing, cell) {
  const { words } = drawing;
  const values = { row: cell.place[0] + 1, column: cell.place[1] + 1, state: isInked(cell) ? words.ink : words.paper };
  cell.setAttribute("aria-label", words.cell.replace(/\{(\w+)\}/g, (_all, key) => values[key]));
}

function ink(drawing, place, on = true) {
  const cell = cellAt(drawing, place);
  if (!cell || isInked(cell) === on) return; // the pointer may leave the grid
  cell.classList.toggle("ink", on);
  name(drawing, cell);
}

function inkLine(drawing, from, to) {
  const [down, right] = [to[0] - from[0], to[1] - from[1]];
  const steps = Math.max(Math.abs(down), Math.abs(right), 1);
  for (let step = 0; step <= steps; step++) {
    const share = step / steps;
    ink(drawing, [Math.round(from[0] + share * down), Math.round(from[1] + share * right)]);
  }
}

function clear(drawing) {
  drawing.cells.flat().forEach((cell) => ink(drawing, cell.place, false));
}

function send(drawing) {
  clearTimeout(drawing.timer);
  const pixels = drawing.cells.flat().map((cell) => (isInked(cell) ? "1" : "0")).join("");
  if (pixels === drawing.sent) return;
  drawing.sent = pixels;
  drawing.tell(pixels);
}

function sendSoon(drawing) {
  clearTimeout(drawing.timer);
  drawing.timer = setTimeout(() => send(drawing), PAUSE);
}

// ----------------------------------------------------------------------------- the cursor

function go(drawing, place, options) {
  cellAt(drawing, drawing.at).tabIndex = -1;
  drawing.at = place.map((index) => Math.min(Math.max(index, 0), SIDE - 1));
  const cell = cellAt(drawing, drawing.at);
  cell.tabIndex = 0;
  cell.focus(options); // a screen reader then reads the cell
}

// Show the position of the cursor below the grid.
function where(drawing) {
  const { words } = drawing;
  const place = cellAt(drawing, drawing.at).getAttribute("aria-label");
  drawing.field.querySelector(".where").textContent = `${place} · ${drawing.penDown ? words.down : words.up}`;
  drawing.grid.classList.toggle("down", drawing.penDown);
}

// Announce a change to a screen reader while the focus does not move. A move of the cursor clears the text, because
// the same text is not announced twice.
function say(drawing, text) {
  drawing.field.querySelector(".said").textContent = text;
}

// -------------------------------------------------------------------------------------- keys

function press(drawing, event) {
  const { key, ctrlKey, shiftKey, altKey, metaKey } = event;
  const jump = ctrlKey && (key === "Home" || key === "End");
  // Other combinations belong to the browser, such as Alt and an arrow key to go back.
  if (altKey || metaKey || (ctrlKey && !jump)) return;
  if (key in MOVES) walk(drawing, MOVES[key](drawing.at, ctrlKey), shiftKey || drawing.penDown);
  else if (key === " ") toggle(drawing);
  else if (key === "Enter") switchPen(drawing);
  else if (["Escape", "Delete", "Backspace"].includes(key)) wipe(drawing);
  else return;
  event.preventDefault();
  event.stopPropagation();
  where(drawing);
  sendSoon(drawing);
}

function walk(drawing, to, inking) {
  const from = drawing.at;
  const inside = to.map((index) => Math.min(Math.max(index, 0), SIDE - 1));
  if (inking) inkLine(drawing, from, inside);
  say(drawing, "");
  go(drawing, inside);
}

function toggle(drawing) {
  const cell = cellAt(drawing, drawing.at);
  ink(drawing, drawing.at, !isInked(cell));
  say(drawing, isInked(cell) ? drawing.words.ink : drawing.words.paper);
}

function switchPen(drawing) {
  drawing.penDown = !drawing.penDown;
  if (drawing.penDown) ink(drawing, drawing.at);
  say(drawing, drawing.penDown ? drawing.words.down : drawing.words.up);
}

function wipe(drawing) {
  clear(drawing);
  drawing.penDown = false;
  say(drawing, drawing.words.empty);
}

// ----------------------------------------------------------------------- mouse, pen and finger

function placeOf(drawing, event) {
  const box = drawing.grid.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left - drawing.grid.clientLeft, event.clientY - box.top - drawing.grid.clientTop];
  return [Math.floor((y / drawing.grid.clientHeight) * SIDE), Math.floor((x / drawing.grid.clientWidth) * SIDE)];
}

function touch(drawing, event) {
  if (event.button !== 0 || !event.isPrimary) return;
  drawing.pointer = event.pointerId;
  drawing.last = placeOf(drawing, event);
  drawing.grid.setPointerCapture(event.pointerId);
  ink(drawing, drawing.last);
}

function drag(drawing, event) {
  if (event.pointerId !== drawing.pointer) return;
  const place = placeOf(drawing, event);
  inkLine(drawing, drawing.last, place);
  drawing.last = place;
}

function lift(drawing, event) {
  if (event.pointerId !== drawing.pointer) return;
  drawing.pointer = undefined;
  go(drawing, drawing.last, { preventScroll: true }); // the arrow keys continue from here
  where(drawing);
  send(drawing);
}

// Screen readers and voice control send clicks without a pointer.
function click(drawing, event) {
  const cell = event.target;
  if (event.detail !== 0 || !cell.place) return;
  go(drawing, cell.place);
  toggle(drawing);
  where(drawing);
  send(drawing);
}
