// The page: its sections, from the document it carries.

/** The document, from the zlib stream in base64 that the page carries. */
async function carried() {
  const letters = atob(document.getElementById("data").textContent);
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(inflated).text());
}

const data = await carried();

/** Adds a section and its entry among the contents. */
function section(id, title, ...children) {
  document.getElementById("main").append(
    element("section", { id, "aria-labelledby": `${id}-title` },
      element("h2", { id: `${id}-title` }, title), ...children));
  document.getElementById("contents").append(element("a", { href: `#${id}` }, title));
}

/** A table; a cell is text, a number or an element. Long ones are cut until asked for. */
function table(header, rows) {
  const body = element("tbody", {});
  const cell = (value) => {
    const isNumber = typeof value === "number" || value === null;
    return element("td", isNumber ? { class: "figure" } : {}, isNumber ? figure(value) : value);
  };
  const whole = element("div", {},
    element("table", {},
      element("thead", {}, element("tr", {},
        ...header.map((text) => element("th", { scope: "col" }, text)))),
      body));
  const draw = (from) => {
    const until = Math.min(rows.length, from + PORTION);
    rows.slice(from, until).forEach((row) => body.append(element("tr", {}, ...row.map(cell))));
    if (until === rows.length) return;
    const more = element("button", {
      type: "button", class: "more", click: () => { more.remove(); draw(until); },
    }, `Show more of ${count(rows.length - until)}`);
    whole.append(more);
  };
  draw(0);
  return whole;
}

function comparisonSection(comparison) {
  const kinds = (kind) => comparison.differences.filter((difference) => difference.kind === kind);
  const rank = (row) => (row.relative === null ? Infinity : row.relative);
  const changed = kinds("values").sort((a, b) => rank(b) - rank(a));
  const largest = Math.max(...changed.map((row) => row.relative || 0), 0);
  const parts = [
    element("p", { class: "verdict" }, comparison.verdict.text),
    element("p", { class: "dim" }, `${comparison.first} and ${comparison.second}: `
      + `${count(comparison.compared)} tensors compared`),
  ];
  if (changed.length > 0) {
    parts.push(table(
      ["Tensor", "Relative change", "", "Cosine", "Share changed", "Largest change"],
      changed.map((row) => [
        tensorLink(row.name), row.relative,
        meter(row.relative === null ? null : row.relative / (largest || 1)), row.cosine,
        share(row.changed_share), row.max,
      ])));
  }
  const others = comparison.differences.filter((difference) => difference.kind !== "values");
  if (others.length > 0) {
    const words = {
      only_in_first: "only in the first", only_in_second: "only in the second",
      shape: "another shape", dtype: "another dtype",
    };
    const list = (value) => (Array.isArray(value) ? `(${value.join(", ")})` : value);
    parts.push(table(["Tensor", "Difference", ""], others.map((row) => [
      row.kind === "only_in_second" ? row.name : tensorLink(row.name), words[row.kind],
      row.same_content_as ? `the same elements as ${row.same_content_as}`
        : row.first === undefined ? "" : `${list(row.first)} and ${list(row.second)}`,
    ])));
  }
  section("comparison", "Comparison", ...parts);
}

function flagSection() {
  const flagged = data.tensors.flatMap((tensor) =>
    (tensor.flags || []).map((flag) => ({ tensor, flag })));
  const kinds = Object.keys(flagTitles).filter((kind) =>
    flagged.some((item) => item.flag.kind === kind));
  section("flags", "Flags", kinds.length === 0
    ? element("p", {}, "Nothing stands out.")
    : element("div", {}, ...kinds.map((kind) => {
      const items = flagged.filter((item) => item.flag.kind === kind);
      const list = element("div", { class: "inside" });
      const open = once(() => list.append(table(["Tensor", "What"],
        items.map((item) => [tensorLink(item.tensor.name), item.flag.text]))));
      const details = element("details", { toggle: () => details.open && open() },
        element("summary", {}, `${flagTitles[kind]}: ${count(items.length)}`), list);
      return details;
    })));
}

/** The bytes of a group's members as areas; a press leads into a group, or to a tensor. */
function treemap(root) {
  const [width, height] = [1100, 420];
  const place = element("div", { id: "treemap" });
  const show = (trail) => {
    const { node } = trail[trail.length - 1];
    const svg = drawing("svg", {
      width, height, viewBox: `0 0 ${width} ${height}`, role: "group",
      "aria-label": `Bytes of ${node.path || "the whole checkpoint"} by part`,
    });
    for (const box of areas(node, { x: 0, y: 0, width, height })) {
      svg.append(treemapCell(box, root.bytes, () => {
        const { node: inner } = box.item;
        if (inner.children.size > 0) {
          show([...trail, box.item]);
          place.querySelector("button.link:last-of-type").focus();
        } else reveal(inner.own[0].name);
      }));
    }
    const way = trail.map((step, index) => element(
      "button", { type: "button", class: "link name", click: () => show(trail.slice(0, index + 1)) },
      index === 0 ? "all" : step.label));
    place.replaceChildren(element("p", {}, ...way.flatMap((step) => [step, " "])), svg);
  };
  show([unchained(root)]);
  return place;
}

/** The parts of a group that take bytes, as rectangles in a box. */
function areas(node, box) {
  const items = members(node).filter((member) => member.node.bytes > 0)
    .map((member) => ({ ...member, size: member.node.bytes }))
    .sort((a, b) => b.size - a.size).slice(0, PORTION);
  return squarified(items, box);
}

/** A part, with the parts in it where there is room: those are for the eye alone. */
function treemapCell(box, total, press) {
  const { item, x, y, width, height } = box;
  const said = `${item.label.replace(/^[./]/, "")}: ${bytes(item.size)}, ${share(item.size / total)}`;
  return drawing(
    "g", {
      class: "cell", role: "button", tabindex: 0, "aria-label": said, click: press,
      keydown: (event) => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); press(); }
      },
    },
    drawing("title", {}, said), drawing("rect", { x, y, width, height }),
    areaLabel(box), ...innerAreas(box, 1));
}

function areaLabel({ item, x, y, width, height }) {
  const label = item.label.replace(/^[./]/, "");
  const letters = Math.floor((width - 8) / 6.5);
  if (letters < 3 || height < 16) return null;
  return drawing("text", { x: x + 4, y: y + 12 },
    label.length > letters ? `${label.slice(0, letters - 1)}…` : label);
}

function innerAreas({ item, x, y, width, height }, level) {
  if (level > 3 || width < 40 || height < 40 || item.node.children.size === 0) return [];
  const inside = { x: x + 2, y: y + 16, width: width - 4, height: height - 18 };
  return areas(item.node, inside).flatMap((box) => [
    drawing("rect", { class: "part", x: box.x, y: box.y, width: box.width, height: box.height }),
    areaLabel(box), ...innerAreas(box, level + 1),
  ]);
}

function depthSection() {
  if (data.depth.length === 0) return;
  const hasChanges = data.depth.some((series) => series.change !== null);
  const range = (values) => {
    const known = values.filter((value) => value !== null);
    return `${figure(Math.min(...known))} to ${figure(Math.max(...known))}`;
  };
  const header = ["Family", "Root mean square", "", ...(hasChanges ? ["Relative change", ""] : [])];
  section("depth", "By depth", table(header, data.depth.map((series) => [
    element("span", { class: "name" }, series.family),
    curve(series.depths, series.rms, "Root mean square"), range(series.rms),
    ...(hasChanges
      ? [curve(series.depths, series.change, "Relative change"), range(series.change)] : []),
  ])));
}

function findingSection(findings) {
  const rows = findings.files.flatMap((file) => (file.findings || []).map((finding) => [
    `${finding.severity} ${finding.id} ${finding.name}`,
    finding.tensor === null ? file.file : tensorLink(finding.tensor), finding.message,
  ]));
  section("findings", "Validation",
    element("p", { class: "verdict" }, `${findings.passed ? "passed" : "failed"}: `
      + `${count(findings.errors)} errors, ${count(findings.warnings)} warnings, `
      + `${count(findings.notes)} notes against ${findings.schema}`),
    rows.length > 0 ? table(["Finding", "Tensor", "Message"], rows) : null);
}

/** The tables of stages and faults in a verification, wherever they lie in it. */
function verificationTables(value, path) {
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const here = path ? `${path}, ${key}` : key;
    if (!Array.isArray(inner)) return verificationTables(inner, here);
    if (!["stages", "faults", "causes"].includes(key) || inner.length === 0) return [];
    const columns = [...new Set(inner.flatMap((row) => Object.keys(row)))];
    const cell = (item) => (item === undefined ? "" : typeof item === "number" ? item
      : typeof item === "string" ? item : JSON.stringify(item));
    return [element("h3", {}, here),
      table(columns, inner.map((row) => columns.map((column) => cell(row[column]))))];
  });
}

function verificationSection(verification) {
  const agrees = verification.agrees;
  section("verification", "Verification",
    agrees === undefined ? null : element("p", { class: "verdict" },
      agrees ? "The two models agree." : "The two models do not agree."),
    ...verificationTables(verification, ""));
}

function tensorSection(root) {
  const total = root.bytes || 1;
  const tree = element("div", { id: "tree" });
  const top = unchained(root);
  const rows = top.label === "" ? members(top.node) : [top];
  section("tensors", "Tensors",
    element("p", {},
      element("label", { for: "search" }, "Search "),
      element("input", {
        type: "search", id: "search", placeholder: "words in a name",
        input: (event) => showSearch(event.target.value),
      }),
      " ", element("span", { id: "found", role: "status" })),
    tree, element("div", { id: "results" }));
  inPortions(tree, rows, (member) => nodeDetails(member, total));
  showSearch("");
}

const tree = buildTree(data.tensors);
if (data.comparison !== null) comparisonSection(data.comparison);
if (data.findings !== null) findingSection(data.findings);
if (data.verification !== null) verificationSection(data.verification);
flagSection();
section("bytes", "Bytes", treemap(tree));
tensorSection(tree);
depthSection();
