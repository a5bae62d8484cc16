// Streamlit adds an entry to the history of the browser for each change of the address. After ten changed settings, the
// visitor would have to press Back ten times to leave the page. Here, only a place gets an entry: a page, or a value of
// the parameter in state.PLACES. All other changes replace the current entry.

let places = {};

export default function ({ data }) {
  places = data.places;
  if (!window.history.pushState.isOurs) watch(window.history);
}

function watch(history) {
  const push = history.pushState.bind(history);
  // When a page opens, it adds parameters to its address. This is not an action of the visitor.
  let touched = false;
  const touch = () => (touched = true);
  for (const type of ["pointerdown", "keydown"]) window.addEventListener(type, touch, { capture: true, passive: true });

  history.pushState = (state, title, url) => {
    const [from, to] = [new URL(window.location.href), new URL(url, window.location.href)];
    const opens = from.pathname !== to.pathname;
    if (opens || (touched && place(from) !== place(to))) push(state, title, url);
    else history.replaceState(state, title, url);
    if (opens) touched = false;
  };
  history.pushState.isOurs = true;
}

function place({ pathname, searchParams }) {
  return searchParams.get(places[pathname.split("/").pop()]);
}
