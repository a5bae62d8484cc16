// A canvas to draw strokes on with mouse, pen or finger. Strokes and the steps back are at home here, so that
// nothing waits for Python, which hears of them when the pen goes up.

const APART = 1; // pixels of the canvas between two points of a stroke

// Streamlit calls the function below again whenever the page has run. What was drawn stays here, and goes when
// the element goes.
const drawings = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  const field = parentElement.querySelector(".field");
  if (!drawings.has(field)) drawings.set(field, begin(field, data));
  const drawing = drawings.get(field);
  // Not the strokes: since Python heard of them there may be more.
  drawing.tell = (strokes) => setStateValue("strokes", strokes);
  drawing.canvas.setAttribute("aria-label", data.words.canvas);
  for (const [name, button] of Object.entries(drawing.buttons)) button.textContent = data.words[name];
}

function begin(field, { width, height, brush, strokes }) {
  const canvas = field.querySelector("canvas");
  field.style.setProperty("--width", `${width}px`);
  canvas.style.aspectRatio = `${width} / ${height}`;
  const finer = Math.ceil(window.devicePixelRatio);
  Object.assign(canvas, { width: width * finer, height: height * finer });
  const paper = canvas.getContext("2d");
  paper.scale(finer, finer);
  Object.assign(paper, { lineWidth: brush, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
  const buttons = Object.fromEntries([...field.querySelectorAll("button")].map((one) => [one.className, one]));
  // Stroke by stroke, so that what was drawn on another day can be taken back, too.
  const past = strokes.map((_stroke, count) => strokes.slice(0, count));
  const drawing = { canvas, paper, width, height, buttons, strokes, past, future: [], stroke: null };
  canvas.onpointerdown = (event) => down(drawing, event);
  canvas.onpointermove = (event) => move(drawing, event);
  canvas.onlostpointercapture = (event) => up(drawing, event);
  // Else a finger that leaves the canvas in full swing has flung the page, and the next tap, perhaps on a button
  // of ours, only ends that.
  canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
  buttons.undo.onclick = () => step(drawing, drawing.past, drawing.future);
  buttons.redo.onclick = () => step(drawing, drawing.future, drawing.past);
  buttons.clear.onclick = () => drawing.strokes.length && become(drawing, []);
  show(drawing);
  return drawing;
}

// ------------------------------------------------------------------------------------ the pen

function place({ canvas, width }, event) {
  const box = canvas.getBoundingClientRect(); // which may be smaller than the canvas, on a narrow screen
  const scale = width / box.width;
  return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale].map((at) => Math.round(10 * at) / 10);
}

function down(drawing, event) {
  if (drawing.stroke || event.button !== 0 || !event.isPrimary) return;
  drawing.canvas.setPointerCapture(event.pointerId);
  drawing.pointer = event.pointerId;
  drawing.stroke = [place(drawing, event)];
  ink(drawing, drawing.stroke);
}

function move(drawing, event) {
  if (!drawing.stroke || event.pointerId !== drawing.pointer) return;
  // A fast hand makes several points between two pictures of the screen.
  const events = event.getCoalescedEvents?.() ?? [];
  for (const one of events.length ? events : [event]) {
    const [from, to] = [drawing.stroke.at(-1), place(drawing, one)];
    if (Math.hypot(to[0] - from[0], to[1] - from[1]) < APART) continue;
    drawing.stroke.push(to);
    ink(drawing, [from, to]);
  }
}

function up(drawing, event) {
  if (!drawing.stroke || event.pointerId !== drawing.pointer) return;
  const { stroke } = drawing;
  drawing.stroke = null;
  become(drawing, [...drawing.strokes, stroke]);
}

function ink({ paper }, [[x, y], ...others]) {
  paper.beginPath();
  paper.moveTo(x, y);
  paper.lineTo(x + 0.01, y); // a line of no length would leave nothing, and a tap is a dot
  for (const point of others) paper.lineTo(...point);
  paper.stroke();
}

// ------------------------------------------------------------------------------ there and back

function become(drawing, strokes) {
  drawing.past.push(drawing.strokes);
  drawing.future = [];
  drawing.strokes = strokes;
  changed(drawing);
}

function step(drawing, from, to) {
  if (!from.length) return;
  to.push(drawing.strokes);
  drawing.strokes = from.pop();
  changed(drawing);
}

function changed(drawing) {
  show(drawing);
  drawing.tell(drawing.strokes);
}

function show({ paper, width, height, strokes, buttons, past, future }) {
  paper.clearRect(0, 0, width, height);
  for (const stroke of strokes) ink({ paper }, stroke);
  const possible = { undo: past.length, redo: future.length, clear: strokes.length };
  for (const [name, count] of Object.entries(possible)) buttons[name].setAttribute("aria-disabled", !count);
}
