"use strict";
// What report.html does once it is open: highlight a chosen trial everywhere and show it in the
// strip; sort and filter the sheet; tell values on hover; keep what is chosen in the address.
// All text goes in as text, never as HTML. Without this script the page reads as well.
(() => {
  const PLACES = ["one", "two"]; // of the chosen trials: the second is compared with the first
  const NEAR = [[0, 0], [0, -4], [4, 0], [0, 4], [-4, 0], [0, -8], [8, 0], [0, 8], [-8, 0]];
  const find = (what, within = document) => within.querySelector(what);
  const all = (what, within = document) => [...within.querySelectorAll(what)];

  let data; // of the trials, from the page
  let marks; // trial -> its elements in figures and sheet
  let rows; // of the sheet, in the order of the page
  let chosen = []; // up to two trials
  let linked = ""; // the finding that the address names
  let keep = false; // the next trial becomes the second
  let lit = []; // functions that undo a highlight
  let sorted = null; // {column, down}

  function element(name, content = "", attributes = {}) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...[content].flat());
    return made;
  }

  function index() {
    data = JSON.parse(find("#data").textContent);
    marks = new Map();
    for (const mark of all("main svg [data-t], #sheet-table tr[data-t]")) {
      const trial = mark.dataset.t;
      if (!marks.has(trial)) marks.set(trial, []);
      marks.get(trial).push(mark);
    }
    rows = all("#sheet-table tbody tr");
    all("#sheet-table thead th").forEach((head, column) => {
      const button = element("button", head.textContent, { type: "button" });
      button.addEventListener("click", () => sort(column, head.ariaSort === "descending"));
      head.replaceChildren(button);
    });
    find("#filter")?.addEventListener("input", filter);
    scrollable();
  }

  // ---- the address: #t=0007,0012&f=effect-gelu

  function read() {
    const parts = new URLSearchParams(location.hash.slice(1));
    chosen = (parts.get("t") || "").split(",").filter((trial) => data.trials[trial]).slice(0, 2);
    linked = parts.get("f") || "";
  }

  function address(trials = chosen, finding = linked) {
    const parts = [];
    const written = (text) => encodeURIComponent(text).replace(/%2C/g, ",").replace(/%2F/g, "/");
    if (trials.length) parts.push(`t=${written(trials.join(","))}`);
    if (finding) parts.push(`f=${written(finding)}`);
    return `#${parts.join("&")}`;
  }

  function remember() {
    history.replaceState(null, "", address());
  }

  // ---- highlight

  function over(mark, kind) { // a copy on top of its neighbours: nothing else is drawn anew
    const copy = mark.cloneNode(false);
    copy.removeAttribute("data-t");
    copy.removeAttribute("id");
    copy.setAttribute("class", `t over ${kind}`);
    mark.parentNode.append(copy);
    lit.push(() => copy.remove());
  }

  function highlight() {
    lit.forEach((undo) => undo());
    lit = [];
    const some = data.findings[linked] || [];
    for (const trial of some) mark(trial, "some");
    chosen.forEach((trial, place) => mark(trial, PLACES[place]));
    for (const one of all(".findings li")) one.classList.toggle("linked", one.id === `f=${linked}`);
    histograms();
  }

  function mark(trial, kind) {
    for (const one of marks.get(trial) || []) {
      if (one.ownerSVGElement && kind !== "some") {
        if (one.localName === "path") over(one, "halo");
        over(one, kind);
      } else {
        one.classList.add(kind);
        lit.push(() => one.classList.remove(kind));
      }
    }
  }

  function histograms() {
    const there = all("[data-h]");
    const wanted = chosen.filter((trial) => there.some((one) => one.dataset.h === trial));
    for (const one of there) {
      one.hidden = wanted.length ? !wanted.includes(one.dataset.h) : !("first" in one.dataset);
    }
  }

  function choose(trial) {
    if (!data.trials[trial]) return;
    if (keep && chosen.length && chosen[0] !== trial) chosen = [chosen[0], trial];
    else chosen = chosen.length === 1 && chosen[0] === trial ? [] : [trial];
    keep = false;
    show();
  }

  function show() {
    highlight();
    strip();
    remember();
  }

  // ---- the strip

  function strip() {
    const box = find("#strip");
    if (!chosen.length) {
      const hint = "Click a trial in a figure or in the sheet: it is highlighted everywhere, and " +
        "its configuration stands here. Shift-click a second one to compare.";
      box.replaceChildren(matchMedia("(min-width: 1120px)").matches
        ? element("p", hint, { class: "aside" }) : "");
      return;
    }
    box.replaceChildren(buttons(), ...chosen.map(told), configuration());
    box.scrollTop = 0;
  }

  function buttons() {
    const button = (text, act) => {
      const made = element("button", text, { type: "button" });
      made.addEventListener("click", act);
      return made;
    };
    const made = [button("Close", () => { chosen = []; keep = false; show(); })];
    if (chosen.length === 1) {
      const text = keep ? "Now choose the other" : "Compare with another";
      made.unshift(button(text, () => { keep = !keep; strip(); }));
    } else made.unshift(button("Swap", () => { chosen.reverse(); show(); }));
    return element("div", made);
  }

  function cell(trial, name) { // what the sheet says of a trial
    const row = (marks.get(trial) || []).find((one) => one.localName === "tr");
    const column = all("#sheet-table thead th").findIndex((head) => head.dataset.k === name);
    return row && column > 0 ? row.cells[column].textContent : "";
  }

  function sweep(trial) {
    return data.sweeps[trial.slice(0, trial.lastIndexOf("/") + 1)];
  }

  function told(trial, place) {
    const is = data.trials[trial];
    const box = element("section", [
      element("h2", [element("span", "● ", { class: PLACES[place] }), trial]),
    ]);
    const add = (content, kind) => box.append(element("p", content, kind ? { class: kind } : {}));
    const [title, verdict] = [cell(trial, "title"), cell(trial, "what worked / did not")];
    if (title) add(title, "aside");
    if (is.score !== undefined) {
      const line = [`${sweep(trial).metric} ${is.score} at epoch ${is.epoch}`];
      if (is.gain) line.push(", ", element("span", `${is.gain} against the baseline`,
        { class: is.better ? "gain" : "loss" }));
      add(line);
    }
    const facts = [cell(trial, "state"), is.source, is.machine && `on ${is.machine}`];
    add(facts.filter(Boolean).join("; "), "aside");
    if (verdict) add(verdict);
    for (const one of is.remarks || []) {
      const at = new Date(one.at * 1000).toISOString().slice(0, 16).replace("T", " ");
      box.append(element("blockquote", [one.text, element("p", `${one.by}, ${at} UTC`,
        { class: "aside" })]));
    }
    if (/^https?:\/\//.test(is.url || "")) {
      add([element("a", "Open in W&B", { href: is.url, rel: "noreferrer", target: "_blank" })]);
    }
    return box;
  }

  function configuration() {
    const columns = [...chosen];
    const { baseline } = sweep(chosen[0]);
    if (columns.length === 1 && baseline && baseline !== chosen[0]) columns.push(baseline);
    const named = (trial, place) => place && chosen.length === 1 ? `baseline ${trial}` : trial;
    const head = element("tr", [element("th", "parameter", { scope: "col" }), ...columns.map(
      (trial, place) => element("th", named(trial, place), { scope: "col" }))]);
    const lines = data.keys.flatMap((key, at) => {
      const values = columns.map((trial) => data.trials[trial].values[at]);
      if (values.every((value) => value === "")) return [];
      const differs = values.length > 1 && values[0] !== values[1];
      return [element("tr", [element("th", data.names[at], { scope: "row", title: key }),
        ...values.map((value) => element("td", value || "–"))], differs ? { class: "differs" } : {})];
    });
    return element("table", [element("thead", head), element("tbody", lines)]);
  }

  // ---- the sheet

  function value(row, column) {
    const text = row.cells[column].textContent;
    const number = text === "" ? NaN : Number(text.replace(/,/g, ""));
    return Number.isNaN(number) ? text : number;
  }

  function sort(column, up) { // what is empty goes last either way
    sorted = { column, up };
    const cells = new Map(rows.map((row) => [row, value(row, column)]));
    const order = (a, b) => {
      const [x, y] = [cells.get(a), cells.get(b)];
      if ((x === "") !== (y === "")) return x === "" ? 1 : -1;
      const less = typeof x === typeof y
        ? (typeof x === "number" ? x - y : x.localeCompare(y))
        : (typeof x === "number" ? -1 : 1);
      return up ? less : -less;
    };
    find("#sheet-table tbody").append(...[...rows].sort(order));
    all("#sheet-table thead th").forEach((head, at) => {
      head.ariaSort = at === column ? (up ? "ascending" : "descending") : null;
    });
  }

  const TESTS = {
    "<": (a, b) => a < b, ">": (a, b) => a > b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b,
    "=": same, "!=": (a, b) => !same(a, b),
  };

  function same(a, b) { // "sgd (nesterov true)" is sgd
    return String(a) === String(b) || String(a).startsWith(`${b} `);
  }

  function condition(word) { // lr<0.01 of a column; any other word is looked for in the whole row
    const parts = /^([^<>=!]+)(<=|>=|!=|<|>|=)(.+)$/.exec(word);
    const heads = all("#sheet-table thead th");
    const column = parts === null ? -1 : heads.findIndex((head) => {
      const key = head.dataset.k.toLowerCase();
      return [key, key.split(".").pop(), head.textContent.toLowerCase()].includes(parts[1]);
    });
    if (column < 0) return (row) => row.textContent.toLowerCase().includes(word);
    const wanted = Number.isNaN(Number(parts[3])) ? parts[3] : Number(parts[3]);
    return (row) => {
      const is = value(row, column);
      return is !== "" && TESTS[parts[2]](typeof is === "string" ? is.toLowerCase() : is, wanted);
    };
  }

  function filter() {
    const words = find("#filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    const conditions = words.map(condition);
    let shown = 0;
    for (const row of rows) {
      row.hidden = !conditions.every((holds) => holds(row));
      shown += !row.hidden;
    }
    const of = rows.length.toLocaleString("en");
    find("#count").textContent = words.length ? `${shown.toLocaleString("en")} of ${of} trials`
      : `${of} trials`;
  }

  // ---- the pointer

  function under(event) { // the trial at the pointer, or within a few pixels of it: lines are thin
    if (!event.target.closest("svg")) return null;
    for (const [x, y] of NEAR) {
      const hit = document.elementFromPoint(event.clientX + x, event.clientY + y);
      const found = hit?.closest("svg [data-t]");
      if (found) return found;
    }
    return null;
  }

  const tip = element("div", "", { id: "tip", "aria-hidden": "true" });
  tip.hidden = true;
  let titled = null; // the element whose <title> is taken out, as the browser would show it too

  function hover(event) {
    const hit = under(event) || event.target.closest("svg :has(> title)");
    if (titled && titled.from !== hit) {
      titled.from.append(titled.title);
      titled = null;
    }
    const title = hit && !titled ? [...hit.children].find((one) => one.localName === "title") : null;
    if (title) {
      titled = { from: hit, title };
      tip.textContent = title.textContent;
      title.remove();
    }
    tip.hidden = !titled;
    if (!titled) return;
    const left = event.clientX + 14 + tip.offsetWidth > innerWidth
      ? event.clientX - 14 - tip.offsetWidth : event.clientX + 14;
    tip.style.left = `${Math.max(left, 4)}px`;
    tip.style.top = `${Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 4)}px`;
  }

  function click(event) {
    const link = event.target.closest('a[href^="#"]');
    if (link && (event.ctrlKey || event.metaKey)) return;
    if (link?.dataset.t || event.target.closest("#sheet-table tbody tr") || under(event)) {
      if (!event.shiftKey && !link && String(getSelection())) return; // somebody copies a cell
      if (event.shiftKey) getSelection().removeAllRanges();
      event.preventDefault();
      keep = keep || event.shiftKey;
      choose((link?.dataset.t && link || under(event) || event.target.closest("tr")).dataset.t);
    } else if (link?.getAttribute("href").startsWith("#f=")) {
      event.preventDefault();
      const named = new URLSearchParams(link.hash.slice(1)).get("f");
      linked = linked === named ? "" : named;
      show();
    } else if (link) { // of the contents: the address keeps what is chosen
      event.preventDefault();
      document.getElementById(decodeURIComponent(link.hash.slice(1)))?.scrollIntoView();
    }
  }

  function scrollable() { // what scrolls is reached by keyboard, and nothing else stops it there
    for (const box of all(".drawing, .wide:not(#sheet-frame)")) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  }

  // ---- a page that `make watch` serves asks for a newer one, and keeps what is chosen

  let version = null;

  async function refresh(live) {
    const answer = await fetch(location.pathname, {
      cache: "no-store", headers: version ? { "If-None-Match": version } : {},
    });
    if (answer.status === 304 || !answer.ok) return;
    version = answer.headers.get("ETag");
    const text = await answer.text();
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const top = all("main [id]").find((one) => one.getBoundingClientRect().bottom > 0);
    const before = top?.getBoundingClientRect().top;
    const open = all("details[open][id]").map((one) => one.id);
    const typed = find("#filter")?.value || "";
    const frame = find("#sheet-frame");
    const [left, down] = [frame?.scrollLeft || 0, frame?.scrollTop || 0];
    const focus = document.activeElement?.id;
    titled = null;
    tip.hidden = true;
    lit = [];
    find("main").replaceChildren(...find("main", fresh).childNodes);
    find("#data").textContent = find("#data", fresh).textContent;
    document.title = fresh.title;
    index();
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (typed && find("#filter")) {
      find("#filter").value = typed;
      filter();
    }
    if (sorted && rows.length && sorted.column < rows[0].cells.length) sort(sorted.column, sorted.up);
    if (find("#sheet-frame")) find("#sheet-frame").scrollTo(left, down);
    chosen = chosen.filter((trial) => data.trials[trial]);
    show();
    if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
    const again = top && document.getElementById(top.id);
    if (again) scroller().scrollBy(0, again.getBoundingClientRect().top - before);
    live.textContent = `newer at ${new Date().toLocaleTimeString()}`;
  }

  function scroller() { // the page itself, or its column where the strip has a row of its own
    const main = find("main");
    return getComputedStyle(main).overflowY === "auto" ? main : document.scrollingElement;
  }

  function watch(seconds) {
    const live = element("p", "live", { id: "live", role: "status" });
    document.body.append(live);
    const ended = () => { live.textContent = "make watch has ended"; };
    setInterval(() => refresh(live).catch(ended), seconds * 1000);
  }

  // ---- begin

  document.documentElement.classList.add("js");
  document.body.append(tip);
  index();
  read();
  show();
  const goTo = () => {
    const named = linked && document.getElementById(`f=${linked}`);
    if (named) named.closest("details")?.setAttribute("open", "");
    if (named) named.scrollIntoView();
  };
  goTo();
  addEventListener("hashchange", () => { read(); show(); goTo(); });
  addEventListener("resize", () => { scrollable(); if (!chosen.length) strip(); });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && chosen.length) { chosen = []; keep = false; show(); }
  });
  document.addEventListener("click", click);
  document.addEventListener("mousemove", hover);
  const seconds = Number(document.documentElement.dataset.refresh);
  if (seconds) watch(seconds);
})();
