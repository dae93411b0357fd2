// The tensors as a tree of names, opened part by part: a page of 20,000 draws what is looked at.

/** Rows drawn at once; the rest comes at a press. */
const PORTION = 200;

/** Names that begin alike as nodes: {label, path, bytes, tensors, children, own}. */
function buildTree(tensors) {
  const root = newNode("", "");
  for (const tensor of tensors) {
    let node = root;
    add(node, tensor);
    for (const part of tensor.name.split(/(?=[./])/)) {
      if (!node.children.has(part)) node.children.set(part, newNode(part, node.path + part));
      node = node.children.get(part);
      add(node, tensor);
    }
    node.own.push(tensor);
  }
  return root;
}

function newNode(label, path) {
  return { label, path, bytes: 0, tensors: 0, children: new Map(), own: [] };
}

function add(node, tensor) {
  node.bytes += tensor.alias_of === undefined ? tensor.bytes : 0;
  node.tensors += 1;
}

/** A group that holds one group alone is that group under a longer label. */
function unchained(node) {
  let label = node.label;
  while (node.own.length === 0 && node.children.size === 1) {
    [node] = node.children.values();
    label += node.label;
  }
  return { node, label };
}

function members(node) {
  return [...node.children.values()].map(unchained);
}

/** Appends rows to `list`, a portion at a time. */
function inPortions(list, rows, draw) {
  const part = rows.slice(0, PORTION);
  list.append(...part.map(draw));
  if (rows.length > PORTION) {
    const rest = rows.slice(PORTION);
    const more = element("button", {
      type: "button", class: "more",
      click: () => { more.remove(); inPortions(list, rest, draw); },
    }, `Show ${count(Math.min(PORTION, rest.length))} more of ${count(rest.length)}`);
    list.append(more);
  }
}

/** The details of a node; their inside is made when they are opened. */
function nodeDetails({ node, label }, total) {
  const text = label.replace(/^[./]/, "") || '""';
  if (node.children.size === 0 && node.own.length === 1) return tensorDetails(node.own[0], text);
  const inside = element("div", { class: "inside" });
  const open = once(() => {
    inside.append(...node.own.map((tensor) => tensorDetails(tensor, tensor.name)));
    inPortions(inside, members(node), (member) => nodeDetails(member, total));
  });
  const size = `${count(node.tensors)} tensors · ${bytes(node.bytes)} · ${share(node.bytes / total)}`;
  const details = element(
    "details", { class: "group", "data-path": node.path, toggle: () => details.open && open() },
    element("summary", {}, element("span", { class: "size" }, size),
      element("span", { class: "name" }, text)),
    inside);
  details.fill = open;
  return details;
}

function once(action) {
  let done = false;
  return () => { if (!done) { done = true; action(); } };
}

/** The details of a tensor, under a name that says where it stands. */
function tensorDetails(tensor, text) {
  const inside = element("div", { class: "inside" });
  const open = once(() => inside.append(...tensorContents(tensor)));
  const flags = (tensor.flags || []).map((flag) =>
    element("span", { class: "flag", title: flag.text }, flagTitles[flag.kind] || flag.kind));
  const details = element(
    "details", { class: "tensor", "data-name": tensor.name, toggle: () => details.open && open() },
    element("summary", {},
      element("span", { class: "size" },
        `${tensor.dtype} (${tensor.shape.join(", ")}) · ${bytes(tensor.bytes)}`),
      element("span", { class: "name" }, text), ...flags),
    inside);
  details.fill = open;
  return details;
}

const flagTitles = {
  nan: "NaN", infinite: "infinite", constant: "constant", dead_channels: "dead channels",
  duplicated: "duplicated", outlier: "outlier", saturated: "saturated",
  beyond_float16: "beyond float16",
};

function tensorContents(tensor) {
  if (tensor.alias_of !== undefined) {
    return [element("p", {}, "Another name of ", tensorLink(tensor.alias_of))];
  }
  const parts = (tensor.flags || []).map((flag) => element("p", { class: "error" }, flag.text));
  const rows = [
    ["mean", tensor.mean], ["std", tensor.std], ["root mean square", tensor.rms],
    ["min", tensor.min], ["max", tensor.max], ["zeros", tensor.zeros || 0],
    ["NaN", tensor.nan || 0], ["infinite", tensor.infinite || 0],
  ];
  if (tensor.change) {
    rows.push(["relative change", tensor.change.relative], ["cosine", tensor.change.cosine],
      ["share changed", tensor.change.changed_share], ["largest change", tensor.change.max]);
  }
  parts.push(figureTable(rows));
  if (tensor.histogram) {
    parts.push(histogram(tensor));
    parts.push(figureTable(tensor.quantiles.map((value, index) =>
      [share(data.probabilities[index]), value])));
  }
  return parts;
}

/** Labels above figures. */
function figureTable(rows) {
  return element("table", {},
    element("thead", {}, element("tr", {},
      ...rows.map(([label]) => element("th", { class: "figure", scope: "col" }, label)))),
    element("tbody", {}, element("tr", {},
      ...rows.map(([, value]) => element("td", { class: "figure" }, figure(value))))));
}

/** A button that opens the tree at a tensor. */
function tensorLink(name) {
  return element(
    "button", { type: "button", class: "link name", click: () => reveal(name) }, name || '""');
}

/** Opens the way to a tensor and goes there. */
function reveal(name) {
  showSearch("");
  let place = document.getElementById("tree");
  for (;;) {
    const next = [...place.children].find((child) =>
      child.dataset.name === name
      || (child.dataset.path !== undefined && isWithin(name, child.dataset.path)));
    if (next === undefined) break;
    next.fill();
    next.open = true;
    if (next.dataset.name === name) {
      next.scrollIntoView({ block: "center" });
      next.querySelector("summary").focus();
      return;
    }
    place = next.querySelector(".inside");
  }
  // It stands in a portion that is not drawn.
  showSearch(name);
}

function isWithin(name, path) {
  return name === path || name.startsWith(`${path}.`) || name.startsWith(`${path}/`);
}

/** The names that hold every word of `text`, in place of the tree. */
function showSearch(text) {
  const [tree, results] = ["tree", "results"].map((id) => document.getElementById(id));
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const input = document.getElementById("search");
  if (input.value !== text) input.value = text;
  const found = words.length === 0 ? [] : data.tensors.filter((tensor) =>
    words.every((word) => tensor.name.toLowerCase().includes(word)));
  tree.hidden = words.length > 0;
  results.replaceChildren();
  inPortions(results, found, (tensor) => tensorDetails(tensor, tensor.name));
  document.getElementById("found").textContent = words.length === 0
    ? `${count(data.tensors.length)} tensors` : `${count(found.length)} found`;
}
