// Plotly takes for clicked what the mouse was over last, and a finger is over nothing before it touches: the first tap
// did nothing, and each later one chose what the tap before it had touched. So the mouse is said to be there first.

const over = ({ target, touches }) => {
  if (!target.closest?.(".js-plotly-plot")) return;
  const [{ clientX, clientY }] = touches;
  target.dispatchEvent(new MouseEvent("mousemove", { clientX, clientY, bubbles: true }));
};

export default function () {
  window.addEventListener("touchstart", over, { capture: true, passive: true });
  return () => window.removeEventListener("touchstart", over, { capture: true });
}
