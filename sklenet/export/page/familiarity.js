// How much an image looks like the training images: LeNetClassifier.score_samples.

/** Return what computes the score of features, or null for a model without statistics. */
function makeScore({ statistics }) {
  if (!statistics) return null;
  const nUnits = statistics.mean.length;
  const nClasses = statistics.class_means.length / nUnits;

  return function score(features) {
    const total = whiten(statistics.total, features.map((value, unit) => value - statistics.mean[unit]));
    const within = whiten(statistics.within, features);
    let nearest = Infinity;
    for (let k = 0; k < nClasses; k++) {
      const mean = statistics.class_means.subarray(k * nUnits, (k + 1) * nUnits);
      nearest = Math.min(nearest, squaredLength(within.map((value, unit) => value - mean[unit])));
    }
    return squaredLength(total) - nearest;
  };
}

/** Multiply a lower triangle, stored row by row without its zeros, by a vector. */
function whiten(triangle, vector) {
  let place = 0;
  return vector.map((_, row) => {
    let sum = 0;
    for (let column = 0; column <= row; column++) sum += triangle[place++] * vector[column];
    return sum;
  });
}

function squaredLength(vector) {
  return vector.reduce((sum, value) => sum + value * value, 0);
}
