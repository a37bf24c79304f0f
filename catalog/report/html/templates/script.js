"use strict";
(() => {
  const numberOf = (cell) => (cell.dataset.n === undefined ? null : Number(cell.dataset.n));
  const compare = (a, b) => {
    const left = numberOf(a), right = numberOf(b);
    if (left !== null && right !== null) return left - right;
    if (left !== null || right !== null) return left === null ? -1 : 1;
    return a.textContent.localeCompare(b.textContent, "en", { numeric: true });
  };
  const sortBy = (table, index) => {
    const heads = table.tHead.rows[0].cells, head = heads[index], body = table.tBodies[0];
    const down = head.getAttribute("aria-sort") === "descending" ? false
      : head.hasAttribute("aria-sort") || head.classList.contains("n");
    for (const one of heads) one.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = Array.from(body.rows);
    rows.sort((a, b) => (down ? -1 : 1) * compare(a.cells[index], b.cells[index]));
    body.append(...rows);
  };
  for (const table of document.querySelectorAll("table[data-sorts]")) {
    Array.from(table.tHead.rows[0].cells).forEach((head, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sortBy(table, index));
      head.append(button);
    });
  }
  for (const grid of document.querySelectorAll("[data-search]")) {
    const rows = Array.from(grid.querySelector("tbody").rows);
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const box = document.createElement("label"), input = document.createElement("input");
    const found = document.createElement("output");
    box.className = "search";
    input.type = "search";
    input.autocomplete = "off";
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase();
      let count = 0;
      rows.forEach((row, n) => {
        row.hidden = !texts[n].includes(wanted);
        if (!row.hidden) count += 1;
      });
      found.textContent = wanted ? `${count} of ${rows.length} ${grid.dataset.search}` : "";
    });
    box.append(`Search ${grid.dataset.search}`, input, found);
    grid.prepend(box);
  }
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = Array.from(document.querySelectorAll("details:not([open])"));
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => { for (const one of opened) one.open = false; });
})();
