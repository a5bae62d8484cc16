// The canvas waits a fifth of a second after each stroke before it sends the drawing, in case another one
// follows. The first button of its toolbar sends at once, so it is clicked when the pen goes up. Should there
// be no such button any more, the canvas still sends by itself, only later.

export default function () {
  let canvas = null;
  const down = (event) => {
    canvas = event.composedPath().find((element) => element.classList?.contains("dc-root")) ?? null;
  };
  const up = (event) => {
    if (!canvas || event.touches?.length) return; // another finger is still drawing
    const send = canvas.querySelector(".dc-toolbar button");
    canvas = null;
    setTimeout(() => send?.click()); // after the canvas has heard of it, too, and has the stroke
  };
  const listeners = { mousedown: down, touchstart: down, mouseup: up, touchend: up };
  for (const [type, hear] of Object.entries(listeners)) window.addEventListener(type, hear, { passive: true });
  return () => {
    for (const [type, hear] of Object.entries(listeners)) window.removeEventListener(type, hear);
  };
}
