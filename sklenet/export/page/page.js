// The page: the answer to a drawing, the layers of the network, and what buttons and keys do.

const N_ANSWERS = 5;
const MOST_LISTED = 40; // classes that are listed by name

const model = readModel();
const forward = makeNetwork(model);
const score = makeScore(model);
const element = (id) => document.getElementById(id);
const drawing = makeDrawing(element("paper"), () => element("pen").value / 100, update);
const bars = makeBars(Math.min(N_ANSWERS, model.names.length));
const inputMap = makeMap(element("input"), SIDE);
const layerMaps = { c1: makeMaps("c1", 28), c3: makeMaps("c3", 10) };
let colors = readColors();
let current = null; // what the network makes of the drawing

/** Numbers are stored in base64: 32 bits each, or 16 for weights. */
function readModel() {
  const stored = JSON.parse(document.getElementById("model").textContent);
  const decode = (text, dtype) => {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return dtype === "float16" ? Float32Array.from(new Uint16Array(bytes.buffer), fromHalf) : new Float32Array(bytes.buffer);
  };
  const decodeAll = (arrays, dtype) =>
    arrays && Object.fromEntries(Object.entries(arrays).map(([name, text]) => [name, decode(text, dtype)]));
  return {
    ...stored,
    weights: decodeAll(stored.weights, stored.dtype),
    resizing: decodeAll(stored.resizing),
    statistics: decodeAll(stored.statistics),
  };
}

/** Return the value of the 16 bits of a floating-point number: sign, 5 bits of exponent, 10 bits of fraction. */
function fromHalf(bits) {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
  return bits >> 15 ? -size : size;
}

/** Return pixels on the scale of the training images, and what the network makes of them; null without ink. */
function read(ink) {
  const framed = frameInk(...ink, model.shape, model.box);
  if (!framed) return null;
  const { background, ink: full } = model.pixels;
  const row = framed.map((level) => background + (level / 255) * (full - background)).slice(0, model.n_pixels);
  const layers = forward(row);
  const isKnown = model.threshold === null || score(layers.features) >= model.threshold;
  return { framed, row, layers, isKnown, ranking: rank(layers.logits) };
}

/** Return classes with their probabilities, the most probable first. */
function rank(logits) {
  const highest = logits.reduce((most, logit) => Math.max(most, logit), -Infinity);
  const powers = logits.map((logit) => Math.exp(logit - highest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return [...powers].map((power, index) => ({ index, probability: power / total })).sort((a, b) => b.probability - a.probability);
}

function update(event, isFinal) {
  current = read(drawing.ink);
  showAnswer();
  showLayers();
  const state = drawing.nMarks ? `${drawing.nMarks} ${drawing.nMarks === 1 ? "mark" : "marks"}` : "empty";
  element("paper").setAttribute("aria-label", `Drawing area, ${state}`);
  element("undo").setAttribute("aria-disabled", !drawing.canUndo);
  element("clear").setAttribute("aria-disabled", !drawing.nMarks);
  if (isFinal) say(current ? spokenAnswer() : "");
  if (event) window.sklenet.delay = performance.now() - event.timeStamp;
}

function showAnswer() {
  document.body.classList.toggle("blank", !drawing.nMarks);
  document.body.classList.toggle("unknown", Boolean(current && !current.isKnown));
  const [best] = current?.ranking ?? [];
  const name = best ? model.names[best.index] : "";
  element("answer").textContent = name;
  element("answer").classList.toggle("long", [...name].length > 3);
  element("sentence").textContent = current ? sentence(best) : "The answer appears here.";
  bars.forEach((bar, place) => {
    const answer = current?.ranking[place];
    bar.name.textContent = answer ? model.names[answer.index] : "";
    bar.name.title = bar.name.textContent;
    bar.share.textContent = answer ? percent(answer.probability) : "";
    bar.item.style.setProperty("--share", answer ? answer.probability : 0);
  });
}

function sentence({ probability }) {
  return current.isKnown ? `${percent(probability)} sure` : "Not like a character I know";
}

/** What a screen reader says after a stroke. A name of any direction is isolated from the text around it. */
function spokenAnswer() {
  const [first, second] = current.ranking.map(({ index, probability }) => `\u2068${model.names[index]}\u2069, ${percent(probability)}`);
  return current.isKnown ? `${first}. Second: ${second}.` : `Not like a character I know. The nearest is ${first}.`;
}

function percent(probability) {
  return `${(100 * probability).toFixed(1)} %`;
}

function say(text) {
  element("status").textContent = text;
}

function makeBars(count) {
  return Array.from({ length: count }, () => {
    const [item, name, track, share] = ["li", "bdi", "span", "span"].map((tag) => document.createElement(tag));
    [name.className, track.className, share.className] = ["name", "track", "share"];
    item.append(name, track, share);
    element("bars").append(item);
    return { item, name, share };
  });
}

function makeMaps(layer, side) {
  return Array.from({ length: model.weights[`${layer}.bias`].length }, () => {
    const canvas = document.createElement("canvas");
    element(layer).append(canvas);
    return makeMap(canvas, side);
  });
}

/** Return a function that draws a square of values from -1 to 1, or nothing, in two colours on the background. */
function makeMap(canvas, side) {
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  const picture = context.createImageData(side, side);
  return (values, positive, negative) => {
    picture.data.fill(0);
    values?.forEach((value, index) => {
      const color = value > 0 ? positive : negative;
      for (let channel = 0; channel < 3; channel++) picture.data[4 * index + channel] = color[channel];
      picture.data[4 * index + 3] = 255 * Math.min(1, Math.abs(value));
    });
    context.putImageData(picture, 0, 0);
  };
}

/** Return colours of the style as red, green and blue. */
function readColors() {
  const style = getComputedStyle(document.documentElement);
  return ["--ink", "--positive", "--negative"].map((name) => style.getPropertyValue(name).split(" ").map(Number));
}

function showLayers() {
  const [ink, positive, negative] = colors;
  const { background, ink: full, mean, scale } = model.pixels;
  inputMap(current?.layers.input.map((value) => (value * scale + mean - background) / (full - background)), ink, ink);
  for (const [layer, maps] of Object.entries(layerMaps)) {
    const values = current?.layers[layer];
    const limit = values?.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);
    const area = values?.length / maps.length;
    maps.forEach((draw, index) => {
      draw(values?.subarray(index * area, (index + 1) * area).map((value) => value / limit), positive, negative);
    });
  }
}

async function openPhoto(file) {
  if (!file) return;
  let photo;
  try {
    photo = await readPhoto(file, READ_SIDE);
  } catch {
    return complain(`\u2068${file.name}\u2069 is no picture that this browser can read.`);
  }
  const ink = findInk(photo.gray);
  if (!ink) return complain(`No character was found in \u2068${file.name}\u2069.`);
  drawing.addPhoto(photo.bitmap, ink);
}

function complain(text) {
  element("sentence").textContent = text;
  say(text);
}

function listClasses() {
  const names = model.names.slice(0, MOST_LISTED).map((name) => `\u2068${name}\u2069`);
  const rest = names.length < model.names.length ? " …" : "";
  element("classes").textContent = `${model.names.length} classes: ${names.join(" ")}${rest}`;
}

element("undo").addEventListener("click", drawing.undo);
element("clear").addEventListener("click", drawing.clear);
element("photo").addEventListener("change", ({ target }) => {
  openPhoto(target.files[0]);
  target.value = ""; // so that the same file can be chosen again
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") drawing.clear();
  if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey) return;
  event.preventDefault();
  drawing.undo();
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  openPhoto(event.dataTransfer.files[0]);
});
document.addEventListener("paste", (event) => openPhoto(event.clipboardData.files[0]));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  colors = readColors();
  drawing.repaint();
  showLayers();
});

// For the console: what the page computes, for pixels on the scale of the training images.
window.sklenet = {
  model,
  logits: (row) => [...forward(row).logits],
  score: (row) => score?.(forward(row).features) ?? null,
  frameInk,
  findInk,
  get current() {
    return current;
  },
};
listClasses();
showAnswer();
showLayers();
