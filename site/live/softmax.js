/**
 * Softmax regression in plain code: the head that this page trains on the student's photos.
 *
 * Features come in as rows of numbers. Each is standardised, then one linear layer gives a logit
 * for each class: what `utils.classifier.Head` does.
 */

/** Mean and deviation of each feature; deviations are raised to at least their own mean. */
export function featureScale(rows) {
  const width = rows[0].length;
  const mean = new Float64Array(width);
  const std = new Float64Array(width);
  for (const row of rows) for (let j = 0; j < width; j++) mean[j] += row[j] / rows.length;
  for (const row of rows) for (let j = 0; j < width; j++) std[j] += (row[j] - mean[j]) ** 2;
  for (let j = 0; j < width; j++) std[j] = Math.sqrt(std[j] / Math.max(rows.length - 1, 1));
  const least = std.reduce((a, b) => a + b, 0) / width;
  for (let j = 0; j < width; j++) std[j] = std[j] > 1e-6 ? Math.max(std[j], least) : Infinity;
  return { mean, std };
}

export function standardise(row, { mean, std }) {
  return Float64Array.from(row, (value, j) => (value - mean[j]) / std[j]);
}

/** A head of zeros: every class is equally likely. */
export function newHead(classes, width) {
  return { weight: new Float64Array(classes * width), bias: new Float64Array(classes) };
}

export function softmax(logits, temperature = 1) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (z) => Math.exp((z - largest) / temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

export function logitsOf(head, row) {
  const width = row.length;
  return Array.from(head.bias, (bias, c) => {
    let sum = bias;
    for (let j = 0; j < width; j++) sum += head.weight[c * width + j] * row[j];
    return sum;
  });
}

/** One step of gradient descent with momentum on some rows; returns the sum of their losses. */
export function step(head, speed, rows, labels, lr, decay = 0, momentum = 0.9) {
  const width = rows[0].length;
  const slope = newHead(head.bias.length, width);
  let loss = 0,
    right = 0;
  rows.forEach((row, i) => {
    const p = softmax(logitsOf(head, row));
    loss -= Math.log(Math.max(p[labels[i]], 1e-30));
    right += p.indexOf(Math.max(...p)) === labels[i];
    for (let c = 0; c < p.length; c++) {
      const error = (p[c] - (c === labels[i])) / rows.length; // p, minus 1 at the right class
      slope.bias[c] += error;
      for (let j = 0; j < width; j++) slope.weight[c * width + j] += error * row[j];
    }
  });
  for (const part of ["weight", "bias"]) {
    for (let k = 0; k < head[part].length; k++) {
      const push = slope[part][k] + (part === "weight" ? decay * head[part][k] : 0);
      speed[part][k] = momentum * speed[part][k] + push;
      head[part][k] -= lr * speed[part][k];
    }
  }
  return { loss, right };
}

/** The loss of each row, how many are right, and the answers. */
export function evaluate(head, rows, labels) {
  const losses = [],
    answers = [];
  rows.forEach((row, i) => {
    const p = softmax(logitsOf(head, row));
    losses.push(-Math.log(Math.max(p[labels[i]], 1e-30)));
    answers.push(p.indexOf(Math.max(...p)));
  });
  const right = answers.filter((answer, i) => answer === labels[i]).length;
  return { losses, answers, loss: mean(losses), accuracy: right / rows.length };
}

export function mean(values) {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** A head on standardised features as one on the features themselves: x → W(x − m)/s + b. */
export function unstandardised(head, { mean: middle, std }) {
  const width = std.length;
  const weight = Float32Array.from(head.weight, (w, k) => w / std[k % width]);
  const bias = Float32Array.from(head.bias, (b, c) => {
    let sum = b;
    for (let j = 0; j < width; j++) sum -= (head.weight[c * width + j] / std[j]) * middle[j];
    return sum;
  });
  return { weight, bias };
}
