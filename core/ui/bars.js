// Streamlit calls this function for every prediction. The rows are kept, so that their bars move to the new lengths.

export default function ({ data, parentElement }) {
  const list = parentElement.querySelector(".bars");
  list.setAttribute("aria-label", data.label);
  while (list.children.length < data.values.length) list.append(list.children[0].cloneNode(true));
  while (list.children.length > data.values.length) list.lastChild.remove();
  const top = Math.max(...data.values);
  data.values.forEach((value, digit) => {
    const row = list.children[digit];
    row.classList.toggle("top", value === top);
    row.querySelector(".digit").textContent = data.names[digit];
    row.querySelector(".bar").style.setProperty("--value", value);
    row.querySelector(".share").textContent = data.words[digit];
  });
}
