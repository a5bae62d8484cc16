// A click in Plotly selects the point that the mouse was over last. On a touch screen, the mouse is over nothing at the
// first tap, and at the point of the previous tap later. So each touch sends a mouse move to its point first.

const over = ({ target, touches }) => {
  if (!target.closest?.(".js-plotly-plot")) return;
  const [{ clientX, clientY }] = touches;
  target.dispatchEvent(new MouseEvent("mousemove", { clientX, clientY, bubbles: true }));
};

export default function () {
  window.addEventListener("touchstart", over, { capture: true, passive: true });
  return () => window.removeEventListener("touchstart", over, { capture: true });
}
