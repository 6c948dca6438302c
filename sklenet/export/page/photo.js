// The ink of a photo of one character. Simpler than CharacterFramer: one closing finds the light, one threshold the ink.

const LIGHT_SIDE = 96; // the light is measured on a copy of this longer side, in pixels
const MEDIAN_SIDE = 40; // and medians on a copy of this side
const UNIFORM = 12; // gray levels, within which three quarters of the border of a plain photo are
const WIDEST_STROKE = 1 / 3; // of the shorter side of the copy: a closing of this side fills strokes
const LEAST_CONTRAST = 0.08; // less is noise
const LEAST_SIGNAL = 6; // standard deviations of noise
const WEAK = 0.4; // share of the threshold, above which pixels around strokes belong to strokes
const SPECK = 0.02; // share of the ink of the heaviest stroke, below which a stroke is a speck

/** Return the ink of gray levels from 0 to 255: levels from 0 (paper) to about 1, and 0 outside of strokes; or null. */
function findInk(gray) {
  const isDark = isInkDarker(gray);
  const upright = isDark ? gray : { ...gray, data: gray.data.map((level) => 255 - level) };
  const light = findLight(upright);
  // Light is a factor of what paper and dark ink reflect.
  const levels = upright.data.map((level, index) =>
    Math.max(0, isDark ? 1 - level / Math.max(light[index], 1) : (light[index] - level) / 255),
  );
  return findStrokes({ ...gray, data: levels });
}

/** Tell the polarity by what differs from the paper most. The cube weighs strokes more than paper. */
function isInkDarker(gray) {
  const paper = findPaper(gray);
  return gray.data.reduce((sum, level, index) => sum + (level - paper[index]) ** 3, 0) < 0;
}

/** Estimate the paper, whatever the colour of the ink: the level of the border, or else the median of half the photo. */
function findPaper(gray) {
  const { data, height, width } = gray;
  const border = data.filter((_, index) => {
    const [row, column] = [Math.floor(index / width), index % width];
    return row === 0 || row === height - 1 || column === 0 || column === width - 1;
  });
  const middle = median(border);
  const isUniform = border.filter((level) => Math.abs(level - middle) <= UNIFORM).length >= 0.75 * border.length;
  if (isUniform) return data.map(() => middle);
  const small = shrink(gray, MEDIAN_SIDE);
  const medians = small.data.map((_, index) => {
    const [row, column] = [Math.floor(index / small.width), index % small.width];
    const around = { top: Math.max(0, row - (small.height >> 2)), left: Math.max(0, column - (small.width >> 2)) };
    around.height = Math.min(small.height, row + (small.height >> 2) + 1) - around.top;
    around.width = Math.min(small.width, column + (small.width >> 2) + 1) - around.left;
    return median(crop(small, around).data);
  });
  return resize({ ...small, data: medians }, height, width).data;
}

function shrink(gray, longest) {
  const scale = Math.max(1, Math.max(gray.height, gray.width) / longest);
  return resize(gray, ...[gray.height, gray.width].map((side) => Math.max(1, Math.round(side / scale))));
}

function median(values) {
  return Float64Array.from(values).sort()[values.length >> 1];
}

/** Estimate the brightness of the paper at each pixel by a morphological closing, which fills dark strokes. */
function findLight(gray) {
  const small = shrink(gray, LIGHT_SIDE);
  const radius = Math.max(1, Math.round((Math.min(small.height, small.width) * WIDEST_STROKE) / 2));
  // The continuation beyond the border leaves a dark edge of the photo dark, such as the table beside the paper.
  const margin = 2 * radius + 1;
  const closed = filterSquare(filterSquare(extend(small, margin), radius, Math.max), radius, Math.min);
  const light = crop(closed, { top: margin, left: margin, height: small.height, width: small.width });
  return resize(light, gray.height, gray.width).data;
}

/** Continue the pixels of the border beyond it. */
function extend({ data, height, width }, margin) {
  const clamp = (index, length) => Math.min(Math.max(index - margin, 0), length - 1);
  const [tall, wide] = [height + 2 * margin, width + 2 * margin];
  const extended = new Float64Array(tall * wide).map(
    (_, index) => data[clamp(Math.floor(index / wide), height) * width + clamp(index % wide, width)],
  );
  return { data: extended, height: tall, width: wide };
}

/** Return the largest or smallest value in a square around each pixel. */
function filterSquare({ data, height, width }, radius, choose) {
  const along = (lines, nLines, length) =>
    lines.map((_, index) => {
      const start = index - (index % length);
      const last = Math.min(start + length - 1, index + radius);
      let chosen = lines[index];
      for (let k = Math.max(start, index - radius); k <= last; k++) chosen = choose(chosen, lines[k]);
      return chosen;
    });
  const columns = along(data, height, width);
  return { data: transpose(along(transpose(columns, height, width), width, height), width, height), height, width };
}

/** Keep the strokes: connected ink, without specks and without what touches the border, if most ink is inside. */
function findStrokes(levels) {
  const { data } = levels;
  const strong = otsu(data);
  const [ink, paper] = [data.filter((level) => level > strong), data.filter((level) => level <= strong)];
  if (!ink.length || !paper.length) return null;
  const middle = median(paper);
  const noise = 1.4826 * median(paper.map((level) => Math.abs(level - middle)));
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  if (mean(ink) - mean(paper) < Math.max(LEAST_CONTRAST, LEAST_SIGNAL * noise)) return null;
  const strokes = connect8(levels, Math.max(WEAK * strong, 3 * noise)).filter((stroke) => stroke.peak > strong);
  const heaviest = Math.max(...strokes.map((stroke) => stroke.weight));
  const heavy = strokes.filter((stroke) => stroke.weight > SPECK * heaviest);
  const weigh = (some) => some.reduce((sum, stroke) => sum + stroke.weight, 0);
  const inner = heavy.filter((stroke) => !stroke.touchesBorder);
  const kept = new Float64Array(data.length);
  for (const stroke of 2 * weigh(inner) > weigh(heavy) ? inner : heavy)
    for (const index of stroke.pixels) kept[index] = data[index];
  return { ...levels, data: kept };
}

/** Return Otsu's threshold between paper and ink. */
function otsu(values) {
  const highest = values.reduce((most, value) => Math.max(most, value), 0);
  const counts = new Float64Array(256);
  for (const value of values) counts[Math.min(255, Math.floor((256 * value) / highest)) || 0]++;
  const sum = counts.reduce((total, count, bin) => total + count * bin, 0);
  let [nBelow, sumBelow, best, threshold] = [0, 0, -1, 0];
  counts.forEach((count, bin) => {
    nBelow += count;
    sumBelow += count * bin;
    const nAbove = values.length - nBelow;
    if (!nBelow || !nAbove) return;
    const between = nBelow * nAbove * (sumBelow / nBelow - (sum - sumBelow) / nAbove) ** 2;
    if (between > best) [best, threshold] = [between, bin];
  });
  return ((threshold + 1) / 256) * highest;
}

/** Return the connected strokes above a level, neighbours by corners included. */
function connect8({ data, height, width }, least) {
  const isLeft = data.map((level) => (level > least ? 1 : 0));
  const strokes = [];
  for (let start = 0; start < data.length; start++) {
    if (!isLeft[start]) continue;
    const stroke = { pixels: [start], weight: 0, peak: 0, touchesBorder: false };
    isLeft[start] = 0;
    for (const index of stroke.pixels) { // grows
      const [row, column] = [Math.floor(index / width), index % width];
      stroke.weight += data[index];
      stroke.peak = Math.max(stroke.peak, data[index]);
      stroke.touchesBorder ||= row === 0 || row === height - 1 || column === 0 || column === width - 1;
      for (let r = Math.max(0, row - 1); r <= Math.min(height - 1, row + 1); r++)
        for (let c = Math.max(0, column - 1); c <= Math.min(width - 1, column + 1); c++)
          if (isLeft[r * width + c]) {
            isLeft[r * width + c] = 0;
            stroke.pixels.push(r * width + c);
          }
    }
    strokes.push(stroke);
  }
  return strokes;
}

/** Read a picture file as a bitmap, upright, and its gray levels in a square of a side; transparent pixels are white. */
async function readPhoto(file, side) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const [height, width] = [bitmap.height, bitmap.width].map((length) => Math.max(1, Math.round(length * scale)));
  const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const gray = new Float64Array(height * width).map(
    (_, index) => 0.299 * data[4 * index] + 0.587 * data[4 * index + 1] + 0.114 * data[4 * index + 2],
  );
  return { bitmap, gray: { data: gray, height, width } };
}
