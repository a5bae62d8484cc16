// Streamlit makes a new chart whenever the numbers change. So the range of a zoomed axis is sent to the server, which
// gives it to the next chart. And a new chart under the mouse is told where the mouse is, so that its numbers stay.

export default function ({ data, setStateValue }) {
  let mouse = { clientX: -1, clientY: -1 };
  const follow = ({ clientX, clientY }) => (mouse = { clientX, clientY });
  const watch = () => {
    for (const [name, place] of Object.entries(data.charts)) {
      const plot = document.querySelector(`.${place} .js-plotly-plot`);
      if (!plot?.on || plot.isWatched) continue;
      plot.isWatched = true;
      plot.on("plotly_relayout", (change) => sendRanges(plot, name, change, setStateValue));
      plot.on("plotly_afterplot", () => pointAgain(plot, mouse));
    }
  };
  const charts = new MutationObserver(watch);
  charts.observe(document.body, { childList: true, subtree: true });
  window.addEventListener("mousemove", follow);
  watch();
  return () => {
    charts.disconnect();
    window.removeEventListener("mousemove", follow);
  };
}

function sendRanges(plot, name, change, setStateValue) {
  for (const axis of ["x", "y"]) {
    if (!Object.keys(change).some((part) => part.startsWith(`${axis}axis.`))) continue;
    const { autorange, range, type } = plot._fullLayout[`${axis}axis`];
    setStateValue(`${name}_${axis}`, autorange ? null : { range: [...range], type });
  }
}

function pointAgain(plot, mouse) {
  const target = document.elementFromPoint(mouse.clientX, mouse.clientY);
  if (plot.contains(target)) target.dispatchEvent(new MouseEvent("mousemove", { ...mouse, bubbles: true }));
}
