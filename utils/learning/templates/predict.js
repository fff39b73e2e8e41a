const say = root.querySelector('[role="status"]');
const read = (text) => {
  const found = text.replace(/−/g, "-").replace(/,(?=\d{3}(?!\d))/g, "").match(/[+-]?\d*\.?\d+(e[+-]?\d+)?/i);
  return found ? Number(found[0]) : NaN;
};
const dims = (text) => (text.match(/\d+/g) || []).map(Number);
const side = (difference) => (difference > 0 ? "high" : "low");
const gap = (guess) => {
  if (item.kind === "choice") return guess === item.answer ? "Right." : "Not this time.";
  if (item.kind === "shape") {
    const expected = dims(item.answer), guessed = dims(guess);
    if (expected.length !== guessed.length)
      return `Dimensions named: ${guessed.length}; there are ${expected.length}.`;
    const off = expected.map((size, i) => (size === guessed[i] ? 0 : i + 1)).filter(Boolean);
    return off.length ? `Off: dimension ${off.join(", dimension ")}.` : "Exactly.";
  }
  const expected = read(item.answer), difference = read(guess) - expected;
  if (difference === 0) return "Exactly.";
  if (item.answer.endsWith("%"))
    return `${Math.abs(difference).toFixed(1)} points too ${side(difference)}.`;
  const ratio = read(guess) / expected;
  if (!(ratio > 0) || !Number.isFinite(ratio)) return `${Math.abs(difference)} too ${side(difference)}.`;
  if (ratio >= 0.5 && ratio <= 2)
    return `${Math.round(100 * Math.abs(ratio - 1))} % too ${side(difference)}.`;
  return `${Math.max(ratio, 1 / ratio).toPrecision(2)} times too ${side(difference)}.`;
};
const compare = () => {
  const chosen = root.querySelector("input:checked"), typed = root.querySelector("input[type=text]");
  const guess = typed ? typed.value.trim() : chosen ? item.options[Number(chosen.value)] : "";
  const readable = item.kind === "choice" ? guess : item.kind === "shape" ? dims(guess).length : !Number.isNaN(read(guess));
  if (!readable) {
    say.textContent = "Make a guess first: a wrong one teaches more than none.";
    return;
  }
  say.textContent = `${gap(guess)} With the course's offline weights it is ${item.answer}. ${item.why} Now run the cell.`;
};
root.querySelector("button").addEventListener("click", compare);
root.querySelector("form").addEventListener("submit", compare);
