// Announces words to a screen reader. The region exists before, because screen readers do not announce new regions.
// The words wait until the visitor stops drawing: between two strokes, the prediction is for an unfinished digit.

const REST = 700; // milliseconds

export default function ({ data, parentElement }) {
  const region = parentElement.querySelector("[role=status]");
  clearTimeout(region.timer);
  region.timer = setTimeout(() => {
    if (region.textContent !== data.words) region.textContent = data.words;
  }, REST);
  return () => clearTimeout(region.timer);
}
