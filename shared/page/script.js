"use strict";
// Finds and sorts. Without it the page shows everything, the most urgent first.
(() => {
  const CHUNK = 50;
  const table = document.getElementById("estate");
  const asked = document.getElementById("find");
  const shown = document.getElementById("shown");
  const first = [...table.tBodies];
  const rows = [...table.querySelectorAll("tbody tr:not(.head)")];
  const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const number = new Intl.NumberFormat("en");
  let column = -1, down = false, texts = null;

  const value = (row) => {
    const cell = row.cells[column];
    return "v" in cell.dataset ? (cell.dataset.v === "" ? null : Number(cell.dataset.v)) : cell.textContent.replace("–", "") || null;
  };
  const compare = (a, b) => {
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;  // what is not known stands last, either way
    const found = typeof a === "number" ? a - b : order.compare(a, b);
    return down ? -found : found;
  };
  const sorted = (found) => column < 0 ? found
    : found.map((row) => [value(row), row]).sort((a, b) => compare(a[0], b[0])).map((pair) => pair[1]);

  const chunks = (found) => {
    const made = [];
    for (let i = 0; i < found.length; i += CHUNK) {
      const body = document.createElement("tbody");
      body.append(...found.slice(i, i + CHUNK));
      body.style.containIntrinsicBlockSize = `auto ${4 * Math.min(CHUNK, found.length - i)}rem`;
      made.push(body);
    }
    return made;
  };
  // The page's own order, with its headings, as it came.
  const home = first.map((body) => [body, [...body.rows]]);
  const restored = () => home.map(([body, own]) => { body.append(...own); return body; });

  const show = () => {
    const words = asked.value.toLowerCase().split(/\s+/).filter(Boolean);
    const group = document.querySelector("input[name=group]:checked").value;
    const isAll = !words.length && !group;
    texts ??= isAll ? null : new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    const found = isAll ? rows : rows.filter((row) =>
      (!group || row.className === group) && words.every((word) => texts.get(row).includes(word)));
    for (const body of [...table.tBodies]) body.remove();
    table.append(...(isAll && column < 0 ? restored() : chunks(sorted(found))));
    shown.textContent = isAll ? `${number.format(rows.length)} servers` : `${number.format(found.length)} of ${number.format(rows.length)} servers`;
  };

  const sortBy = (place) => {
    [column, down] = place !== column ? [place, false] : down ? [-1, false] : [place, true];
    [...table.tHead.rows[0].cells].forEach((head, at) => {
      if (at === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    show();
  };
  [...table.tHead.rows[0].cells].forEach((head, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sortBy(place));
    head.append(button);
  });

  let waiting = 0;
  asked.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(show, 120); });
  for (const one of document.querySelectorAll("input[name=group]")) one.addEventListener("change", show);
  for (const link of document.querySelectorAll("a[data-find]")) {
    link.addEventListener("click", () => { asked.value = link.dataset.find; show(); });
  }
  const form = document.querySelector(".filter");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;

  // A file that is opened tomorrow says how old it is then.
  const time = document.querySelector("time[data-stale-s]");
  const tell = () => {
    const minutes = Math.max(0, Math.floor((Date.now() - Date.parse(time.dateTime)) / 60000));
    const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24];
    const age = days ? `${days} d ${hours} h` : hours ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
    document.getElementById("age").textContent = `${age} old`;
    if (minutes * 60 > Number(time.dataset.staleS)) document.getElementById("stale").hidden = false;
  };
  tell();
  setInterval(tell, 60000);
})();
