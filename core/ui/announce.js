// For those who listen: the words are put into a region that was there before, or nobody would read them out.
// They wait until the pen rests, since between two strokes the answer is about half a digit.

const REST = 700; // milliseconds

export default function ({ data, parentElement }) {
  const region = parentElement.querySelector("[role=status]");
  clearTimeout(region.timer);
  region.timer = setTimeout(() => {
    if (region.textContent !== data.words) region.textContent = data.words;
  }, REST);
  return () => clearTimeout(region.timer);
}
