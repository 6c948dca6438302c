// Ink becomes an image as CharacterFramer makes one. Planes of numbers are {data, height, width}, row by row.

/**
 * Frame ink, levels from 0 (paper) up, in an image of gray levels from 0 to 255.
 *
 * The longer side of the strokes becomes `box` pixels, the centre of mass comes to the centre of the image, and the
 * strongest level becomes 255. Return null without strokes.
 */
function frameInk(levels, strokes, shape, box) {
  const place = extent(strokes);
  if (!place) return null;
  const longer = Math.max(place.height, place.width);
  const [height, width] = [place.height, place.width].map((side) => Math.max(1, roundHalfEven((side * box) / longer)));
  const character = resize(crop(levels, place), height, width);
  const strongest = character.data.reduce((most, level) => Math.max(most, level), 0);
  const corner = findCorner(character, shape);
  const image = new Float64Array(shape[0] * shape[1]);
  character.data.forEach((level, index) => {
    const [row, column] = [corner[0] + Math.floor(index / width), corner[1] + (index % width)];
    image[row * shape[1] + column] = roundHalfEven((Math.max(level, 0) * 255) / strongest);
  });
  return image;
}

/** Return the place of the smallest box around what is not zero, or null. */
function extent({ data, height, width }) {
  let [top, bottom, left, right] = [height, -1, width, -1];
  for (let index = 0; index < data.length; index++) {
    if (!data[index]) continue;
    const row = Math.floor(index / width);
    const column = index % width;
    top = Math.min(top, row);
    bottom = Math.max(bottom, row);
    left = Math.min(left, column);
    right = Math.max(right, column);
  }
  return bottom < 0 ? null : { top, left, height: bottom - top + 1, width: right - left + 1 };
}

function crop({ data, width }, place) {
  const cropped = new Float64Array(place.height * place.width);
  for (let row = 0; row < place.height; row++) {
    const start = (place.top + row) * width + place.left;
    cropped.set(data.subarray(start, start + place.width), row * place.width);
  }
  return { data: cropped, height: place.height, width: place.width };
}

/** Resize by a triangular filter that is as wide as the pixels are reduced: Pillow's bilinear filter. */
function resize({ data, height, width }, newHeight, newWidth) {
  const columns = resizeLines(data, height, width, newWidth);
  const transposed = transpose(columns, height, newWidth);
  const rows = resizeLines(transposed, newWidth, height, newHeight);
  return { data: transpose(rows, newWidth, newHeight), height: newHeight, width: newWidth };
}

function resizeLines(data, nLines, length, newLength) {
  const scale = length / newLength;
  const support = Math.max(scale, 1);
  const resized = new Float64Array(nLines * newLength);
  for (let place = 0; place < newLength; place++) {
    const center = (place + 0.5) * scale;
    const first = Math.max(0, Math.floor(center - support + 0.5));
    const last = Math.min(length, Math.floor(center + support + 0.5));
    const weights = [];
    for (let pixel = first; pixel < last; pixel++) weights.push(Math.max(0, 1 - Math.abs(pixel + 0.5 - center) / support));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (let line = 0; line < nLines; line++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * data[line * length + first + k];
      resized[line * newLength + place] = sum / total;
    }
  }
  return resized;
}

function transpose(data, height, width) {
  const transposed = new Float64Array(data.length);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) transposed[column * height + row] = data[row * width + column];
  return transposed;
}

/** Return the upper left corner at which the centre of mass is in the centre, as in MNIST: in pixel 14 of 28. */
function findCorner({ data, height, width }, shape) {
  let [total, down, right] = [0, 0, 0];
  data.forEach((level, index) => {
    total += level;
    down += level * Math.floor(index / width);
    right += level * (index % width);
  });
  const place = (outer, inner, mass) => Math.min(Math.max(roundHalfEven(outer / 2 - mass), 0), outer - inner);
  return [place(shape[0], height, down / total), place(shape[1], width, right / total)];
}

/** Round as Python does. */
function roundHalfEven(value) {
  const lower = Math.floor(value);
  if (value - lower !== 0.5) return Math.round(value);
  return lower % 2 === 0 ? lower : lower + 1;
}
