// Elements and drawings. Text from a checkpoint only ever becomes text nodes and attributes.

/** An HTML element with attributes (a function is a listener) and children. */
function element(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
function drawing(tag, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** A figure in four digits; what JSON has no number for is a dash. */
function figure(value) {
  if (value === null || value === undefined) return "–";
  return value === 0 ? "0" : String(Number(value.toPrecision(4)));
}

function count(value) { return value.toLocaleString("en"); }

function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${units[unit]}`;
}

function share(part) {
  if (part > 0 && part < 0.0005) return "<0.1 %";
  return `${Number((100 * part).toFixed(1))} %`;
}

/** The bars of a tensor's histogram, from the most negative numbers to the most positive. */
function histogramBars(tensor) {
  const bars = [];
  const { first_exponent: first, negative, positive } = tensor.histogram;
  const magnitude = (index) => 2 ** (first + index);
  for (let index = negative.length - 1; index >= 0; index -= 1) {
    bars.push({ count: negative[index], from: -2 * magnitude(index), to: -magnitude(index) });
  }
  bars.push({ count: tensor.zeros || 0, special: "0" });
  positive.forEach((number, index) => {
    bars.push({ count: number, from: magnitude(index), to: 2 * magnitude(index) });
  });
  if (tensor.infinite) bars.push({ count: tensor.infinite, special: "±∞" });
  if (tensor.nan) bars.push({ count: tensor.nan, special: "NaN" });
  // A sign that never occurs needs no room.
  const used = (bar) => bar.count > 0 || bar.special === "0";
  return bars.slice(bars.findIndex(used), bars.length - [...bars].reverse().findIndex(used));
}

/** One bar per power of two; heights grow with the logarithm of the count. */
function histogram(tensor) {
  const bars = histogramBars(tensor);
  const [height, top, left] = [110, 8, 4];
  const width = Math.max(6, Math.min(26, Math.floor(640 / bars.length)));
  const most = Math.log1p(Math.max(...bars.map((bar) => bar.count), 1));
  const total = bars.reduce((sum, bar) => sum + bar.count, 0);
  const words = (bar) => bar.special || `${figure(bar.from)} to ${figure(bar.to)}`;
  const largest = bars.reduce((a, b) => (b.count > a.count ? b : a));
  const svg = drawing("svg", {
    class: "histogram", role: "img", width: left * 2 + bars.length * width, height: height + 34,
    viewBox: `0 0 ${left * 2 + bars.length * width} ${height + 34}`,
    "aria-label": `Histogram of ${count(total)} numbers by powers of two; the most, `
      + `${count(largest.count)}, are ${words(largest)}.`,
  });
  const step = Math.ceil(54 / width);
  bars.forEach((bar, index) => {
    const size = bar.count === 0 ? 0 : Math.max(2, (height * Math.log1p(bar.count)) / most);
    const x = left + index * width;
    svg.append(drawing("rect", {
      class: bar.special ? "bar special" : "bar", x, y: top + height - size, width: width - 1,
      height: size, "data-count": bar.count, "data-from": bar.from, "data-to": bar.to,
      "data-special": bar.special,
    }, drawing("title", {}, `${words(bar)}: ${count(bar.count)}`)));
    if (bar.special || index % step === 0) {
      const label = bar.special || figure(bar.to > 0 ? bar.from : bar.to);
      svg.append(drawing("text", {
        x: x + width / 2, y: top + height + (bar.special ? 26 : 13), "text-anchor": "middle",
        class: bar.special ? null : "dim",
      }, label));
    }
  });
  svg.append(drawing("line", {
    class: "axis", x1: 0, x2: left * 2 + bars.length * width, y1: top + height, y2: top + height,
  }));
  return svg;
}

/** A small curve of figures over depth. */
function curve(depths, values, what) {
  const [width, height] = [220, 34];
  const known = values.filter((value) => value !== null);
  const [low, high] = [Math.min(...known, 0), Math.max(...known, 0)];
  const x = (index) => 2 + ((width - 4) * index) / Math.max(1, values.length - 1);
  const y = (value) => height - 2 - ((height - 4) * (value - low)) / (high - low || 1);
  const points = values.map((value, index) => (value === null ? null : `${x(index)},${y(value)}`));
  const said = `${what} from ${depths[0]} to ${depths[depths.length - 1]}: `
    + values.map((value, index) => `${depths[index]}: ${figure(value)}`).join(", ");
  return drawing(
    "svg", { role: "img", width, height, viewBox: `0 0 ${width} ${height}`, "aria-label": said },
    drawing("title", {}, said),
    drawing("line", { class: "axis", x1: 0, x2: width, y1: height - 1, y2: height - 1 }),
    drawing("polyline", { class: "curve", points: points.filter(Boolean).join(" ") }));
}

/** A bar for a part of a whole. */
function meter(part) {
  const size = part === null ? 80 : Math.max(part > 0 ? 1 : 0, 80 * Math.min(1, part));
  return drawing(
    "svg", { width: 80, height: 10, viewBox: "0 0 80 10", "aria-hidden": "true" },
    drawing("rect", { class: "meter", x: 0, y: 0, width: size, height: 10 }));
}

/**
 * Rectangles for `items`, each with a `size`, the largest first, in the box: rows are filled while
 * their rectangles grow squarer (Bruls, Huizing and van Wijk, "Squarified Treemaps", 2000).
 */
function squarified(items, box) {
  const total = items.reduce((sum, item) => sum + item.size, 0);
  const scale = total > 0 ? (box.width * box.height) / total : 0;
  const placed = [];
  let { x, y, width, height } = box;
  const worst = (row, side) => {
    const area = row.reduce((sum, item) => sum + item.size * scale, 0);
    return Math.max(...row.map((item) => {
      const own = item.size * scale;
      return Math.max((side * side * own) / (area * area), (area * area) / (side * side * own));
    }));
  };
  for (let start = 0; start < items.length;) {
    const side = Math.min(width, height);
    let row = [items[start]];
    let end = start + 1;
    while (end < items.length && worst([...row, items[end]], side) <= worst(row, side)) {
      row = [...row, items[end]];
      end += 1;
    }
    const area = row.reduce((sum, item) => sum + item.size * scale, 0);
    const depth = side > 0 ? area / side : 0;
    let along = 0;
    for (const item of row) {
      const length = depth > 0 ? (item.size * scale) / depth : 0;
      placed.push(width >= height
        ? { item, x, y: y + along, width: depth, height: length }
        : { item, x: x + along, y, width: length, height: depth });
      along += length;
    }
    if (width >= height) { x += depth; width -= depth; } else { y += depth; height -= depth; }
    start = end;
  }
  return placed;
}
