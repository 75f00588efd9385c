"use strict";
// A click on a heading sorts its table by that column: numbers largest first, text from A; a second click the other way.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => heading.querySelector("button").addEventListener("click", () => {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const isNumber = rows.some(row => row.cells[column].dataset.value !== undefined);
    const before = heading.getAttribute("aria-sort");
    const descending = before === null ? isNumber : before === "ascending";
    const key = row => isNumber ? Number(row.cells[column].dataset.value ?? -Infinity) : row.cells[column].textContent;
    const compare = isNumber ? (a, b) => key(a) - key(b) : (a, b) => key(a).localeCompare(key(b), undefined, {numeric: true});
    rows.sort(descending ? (a, b) => compare(b, a) : compare);
    headings.forEach(other => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    body.append(...rows);
  }));
}
