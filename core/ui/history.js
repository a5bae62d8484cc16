// Streamlit makes an entry of the browser's history of each change of the address that the server asks for. Whoever
// turned ten knobs would have to press Back ten times to leave. Here an entry is a place: a page, or what of the page
// is one (state.PLACES says which). All other changes change the entry.

let places = {};

export default function ({ data }) {
  places = data.places;
  if (!window.history.pushState.isOurs) watch(window.history);
}

function watch(history) {
  const push = history.pushState.bind(history);
  // What the page itself adds to the address when it opens is no step of the visitor's.
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
