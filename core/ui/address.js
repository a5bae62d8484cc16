// Sets parameters of the page's address. Streamlit would add an entry to the history of the browser for every stroke
// of a drawing, so leaving the page with the Back button would take many presses.

export default function ({ data }) {
  const address = new URL(window.location.href);
  for (const [name, value] of Object.entries(data.values)) {
    address.searchParams.delete(name);
    for (const one of [value ?? []].flat()) if (one) address.searchParams.append(name, one);
  }
  if (address.href !== window.location.href) window.history.replaceState(window.history.state, "", address);
}
