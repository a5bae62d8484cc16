// Streamlit calls this again with every reading. The rows stay, so that the bars glide to their new lengths.

export default function ({ data, parentElement }) {
  const list = parentElement.querySelector(".bars");
  list.setAttribute("aria-label", data.label);
  const top = Math.max(...data.values);
  data.values.forEach((value, digit) => {
    const row = list.children[digit];
    row.classList.toggle("top", value === top);
    row.querySelector(".digit").textContent = digit;
    row.querySelector(".bar").style.setProperty("--value", value);
    row.querySelector(".share").textContent = data.words[digit];
  });
}
