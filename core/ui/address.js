// Parameters of the page's address. Streamlit's own way would make an entry of the browser's history of every
// stroke of a drawing, and the way back from this page long.

export default function ({ data }) {
  const address = new URL(window.location.href);
  for (const [name, value] of Object.entries(data.values)) {
    address.searchParams.delete(name);
    for (const one of [value ?? []].flat()) if (one) address.searchParams.append(name, one);
  }
  if (address.href !== window.location.href) window.history.replaceState(window.history.state, "", address);
}
