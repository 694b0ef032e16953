// Elements made and kept up to date. Text is set as text, never as markup.
export const $ = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") e.className = value;
    else if (value !== null && value !== undefined && value !== false) e.setAttribute(name, value);
  }
  e.append(...children);
  return e;
}

export function setText(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

// Shows `text` where there is nothing else to show, or hides it.
export function nothing(e, text) {
  e.hidden = !text;
  setText(e, text ?? "");
}

const share = (part) => {
  const bar = element("span", { class: "share" }, element("i"));
  bar.firstChild.style.width = `${Math.max(0, Math.min(1, part)) * 100}%`;
  return bar;
};

// columns: [title, "text" | "number", row => text | {text, title, value, part, mono, state}]; rows that come and
// go aren't worth a diff: a table has a screenful of them.
export function table(e, columns, rows, empty) {
  if (rows.length === 0) {
    e.replaceChildren(element("tbody", {}, element("tr", {}, element("td", { class: "empty" }, empty))));
    return;
  }
  const head = element("tr", {}, ...columns.map(([title, kind]) => element("th", { scope: "col", class: kind }, title)));
  const body = rows.map((row) => {
    const cells = columns.map(([title, kind, show]) => {
      const shown = show(row);
      const { text, ...more } = typeof shown === "string" ? { text: shown } : shown;
      const attributes = { class: kind + (more.mono ? " mono" : ""), title: more.title, "data-column": title };
      const cell = element("td", { ...attributes, "data-value": more.value, "data-state": more.state }, text);
      if (typeof more.part === "number") cell.append(share(more.part));
      return cell;
    });
    return element("tr", {}, ...cells);
  });
  e.replaceChildren(element("thead", {}, head), element("tbody", {}, ...body));
}

// A group of buttons of which one is pressed; `chosen` is told its value. Returns what is pressed at first.
export function choice(group, attribute, first, chosen) {
  const press = (value) => {
    for (const b of group.querySelectorAll("button")) b.setAttribute("aria-pressed", b.dataset[attribute] === value);
  };
  group.addEventListener("click", (e) => {
    const value = e.target.closest("button")?.dataset[attribute];
    if (value === undefined) return;
    press(value);
    chosen(value);
  });
  press(first);
  return first;
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // A page that came over plain HTTP from another machine has no clipboard of that kind.
    const area = element("textarea", { class: "unseen" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}
