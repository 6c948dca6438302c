// The forward pass of LeNet-5, in double precision. Maps are arrays of squares, row by row.

const SIDE = 32; // of the canvas, in pixels
const KERNEL = 5;

/** Return what computes the layers for pixels on the scale of the training images. */
function makeNetwork(model) {
  const { pixels, resizing, weights } = model;
  const [height, width] = model.shape;
  const is1998 = model.architecture === "1998";
  const activate = (x) => x.map(is1998 ? (v) => 1.7159 * Math.tanh((2 / 3) * v) : (v) => Math.max(v, 0));

  // Resizing and centring are two constant matrices, 32×height and width×32. What the matrices leave out is background.
  function place(row) {
    const padded = new Float64Array(height * width).fill(pixels.background);
    padded.set(row);
    const image = padded.map((pixel) => (pixel - pixels.background) / pixels.scale);
    const columns = multiply(image, resizing.across, height, width, SIDE);
    const canvas = multiply(resizing.down, columns, SIDE, height, SIDE);
    return canvas.map((value) => value + (pixels.background - pixels.mean) / pixels.scale);
  }

  function convolve(maps, layer, side) {
    const [kernels, biases] = [weights[`${layer}.weight`], weights[`${layer}.bias`]];
    const [size, area] = [side - KERNEL + 1, side * side];
    const [nInputs, result] = [maps.length / area, new Float64Array(biases.length * size * size)];
    for (let k = 0; k < kernels.length; k++) {
      const output = Math.floor(k / (nInputs * KERNEL * KERNEL));
      const input = Math.floor(k / (KERNEL * KERNEL)) % nInputs;
      const corner = input * area + (Math.floor(k / KERNEL) % KERNEL) * side + (k % KERNEL);
      for (let row = 0; row < size; row++) {
        const to = (output * size + row) * size;
        const from = corner + row * side;
        for (let column = 0; column < size; column++) result[to + column] += kernels[k] * maps[from + column];
      }
    }
    return result.map((value, index) => value + biases[Math.floor(index / (size * size))]);
  }

  // Halve maps: the maximum of 2×2 pixels, rectified; in 1998 their sum, times a coefficient, plus a bias, all squashed.
  function subsample(maps, layer, side) {
    const [coefficients, biases] = [weights[`${layer}.coefficient`], weights[`${layer}.bias`]];
    const [inputs, half] = [is1998 ? activate(maps) : maps, side / 2];
    const halved = new Float64Array(maps.length / 4);
    for (let index = 0; index < halved.length; index++) {
      const [line, map] = [Math.floor(index / half), Math.floor(index / (half * half))];
      const corner = 2 * line * side + 2 * (index % half);
      const block = [inputs[corner], inputs[corner + 1], inputs[corner + side], inputs[corner + side + 1]];
      const sum = block[0] + block[1] + block[2] + block[3];
      halved[index] = is1998 ? sum * coefficients[map] + biases[map] : Math.max(...block);
    }
    return activate(halved);
  }

  function connect(inputs, layer) {
    const biases = weights[`${layer}.bias`];
    const products = multiply(weights[`${layer}.weight`], inputs, biases.length, inputs.length, 1);
    return products.map((product, unit) => product + biases[unit]);
  }

  function run(input) {
    const c1 = convolve(input, "c1", SIDE); // 6 maps of 28×28
    const c3 = convolve(subsample(c1, "s2", 28), "c3", 14); // 16 maps of 10×10
    const c5 = activate(connect(subsample(c3, "s4", 10), "c5"));
    const features = activate(connect(c5, "f6"));
    return { input, c1, c3, features, logits: connect(features, "output") };
  }

  /** Return the layers for a row of pixels; features and logits are means over nine views if the model has them. */
  return function forward(row) {
    const layers = run(place(row));
    if (!model.nine_views) return layers;
    const views = NINE.map(([down, right]) => run(shift(layers.input, down, right)));
    const mean = (name) => layers[name].map((_, index) => views.reduce((sum, view) => sum + view[name][index], 0) / 9);
    return { ...layers, features: mean("features"), logits: mean("logits") };
  };
}

const NINE = [-1, 0, 1].flatMap((down) => [-1, 0, 1].map((right) => [down, right]));

/** Shift a canvas by a pixel at most; the border is repeated. */
function shift(canvas, down, right) {
  const clamp = (index) => Math.min(Math.max(index, 0), SIDE - 1);
  return canvas.map((_, index) => canvas[clamp(Math.floor(index / SIDE) - down) * SIDE + clamp((index % SIDE) - right)]);
}

/** Multiply matrices of n×m and m×p numbers. */
function multiply(first, second, n, m, p) {
  const product = new Float64Array(n * p);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < m; k++) {
      const factor = first[i * m + k];
      if (factor) for (let j = 0; j < p; j++) product[i * p + j] += factor * second[k * p + j];
    }
  return product;
}
