// The drawing in the page's address. Streamlit's own way would make an entry of the browser's history of every
// stroke, and the way back from this page long.

export default function ({ data }) {
  const address = new URL(window.location.href);
  if (data.drawing) address.searchParams.set("drawing", data.drawing);
  else address.searchParams.delete("drawing");
  if (address.href !== window.location.href) window.history.replaceState(window.history.state, "", address);
}
