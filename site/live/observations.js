/** What an epoch's numbers say: the rules of `utils.observations.observe`, in their order. */

const RISE = 0.05; // a training loss this much above the previous epoch's is diverging
const GAP = 0.02; // a validation loss this much above its best, while training falls ...
const ERRORS = 2; // ... and as many standard errors above it, is overfitting
const FLAT = 0.01; // changes below this are a plateau
const CLEAR = 0.05; // a validation loss that falls by less than this is converging

/**
 * @typedef {{epoch: number, trainLoss: number, trainAccuracy: number, valLoss: number,
 *   valAccuracy: number, riseError: number}} Epoch
 * @param {Epoch[]} history
 * @returns {string} the observation on its last epoch
 */
export function observe(history) {
  const now = history[history.length - 1];
  if (history.length === 1) {
    return `start: validation loss ${now.valLoss.toFixed(3)}, accuracy ${percent(now.valAccuracy)}`;
  }
  const before = history[history.length - 2];
  const best = bestEpoch(history.slice(0, -1));
  const train = change(before.trainLoss, now.trainLoss);
  const val = change(before.valLoss, now.valLoss);
  const above = change(best.valLoss, now.valLoss);
  if (train > RISE) {
    return `diverging: training loss rose ${percent(train)} to ${now.trainLoss.toFixed(3)}`;
  }
  const beyondChance = now.valLoss - best.valLoss > ERRORS * now.riseError;
  if (train < 0 && above > GAP && beyondChance && now.valAccuracy <= best.valAccuracy) {
    return (
      `overfitting: training loss fell ${percent(-train)}, but validation loss is ` +
      `${percent(above)} above its best (epoch ${best.epoch})`
    );
  }
  const both = `training loss ${signed(train)}, validation loss ${signed(val)}`;
  if (Math.abs(train) < FLAT && Math.abs(val) < FLAT) return `plateau: ${both}`;
  if (val <= -CLEAR) {
    return `learning: validation loss fell ${percent(-val)} to ${now.valLoss.toFixed(3)}`;
  }
  return `converging: ${both}`;
}

/** The epoch with the lowest validation loss, the first of equals. */
export function bestEpoch(history) {
  return history.reduce((best, row) => (row.valLoss < best.valLoss ? row : best));
}

/** The standard error of the mean difference between two lists of losses, photo by photo. */
export function standardError(losses, others) {
  const gaps = losses.map((loss, i) => loss - others[i]);
  if (gaps.length < 2) return 0;
  const middle = gaps.reduce((a, b) => a + b, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - middle) ** 2, 0) / (gaps.length - 1);
  return Math.sqrt(variance / gaps.length);
}

const change = (before, now) => (now - before) / Math.max(before, 1e-12);
export const percent = (value) => `${(100 * value).toFixed(1)}%`;
const signed = (value) => `${value < 0 ? "" : "+"}${percent(value)}`;
