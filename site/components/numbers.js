/** Reads and writes numbers as the Python side does (utils/learning/predictions.py). */

const NUMBER = /^[+-]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?/i;

/** The number that a text begins with or that stands behind a sign; null if there is none. */
export function readNumber(text) {
  const cleaned = text.trim().replaceAll("−", "-").replaceAll("\u202f", "");
  const found = NUMBER.exec(cleaned.replace(/^[≈~]+/, ""));
  return found ? Number(found[0].replaceAll(",", "")) : null;
}

/** The dimensions in "(1, 512, 7, 7)", "1 512 7 7" or "512×7×7". */
export function readShape(text) {
  return (text.match(/\d+/g) ?? []).map(Number);
}

/** A number from 0 with so many places; a tie goes to the even digit, as in Python. */
export function fixed(value, places) {
  // Only an odd number of halves, quarters … lies exactly in the middle of two decimals.
  if ((value * 2 ** (places + 1)) % 2 !== 1) return value.toFixed(places);
  const factor = 10 ** places;
  const scaled = value * factor;
  const below = Math.floor(scaled);
  return ((below % 2 === 0 ? below : below + 1) / factor).toFixed(places);
}

/** A number from 0 with so many digits, without needless zeros: Python's format "g". */
export function general(value, digits) {
  if (value === 0) return "0";
  const [mantissa, power] = even(value, digits).toExponential(digits - 1).split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= digits) {
    const sign = exponent < 0 ? "-" : "+";
    return `${bare(mantissa)}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  return bare(fixed(value, digits - 1 - exponent));
}

/** A whole number in the middle of two that have so many digits becomes the even one. */
function even(value, digits) {
  const unit = 10 ** (Math.floor(Math.log10(value)) - digits + 1);
  const below = Math.floor(value / unit);
  const tied = unit > 1 && Number.isInteger(value) && value - below * unit === unit / 2;
  return tied && below % 2 === 0 ? below * unit : value;
}

function bare(text) {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
