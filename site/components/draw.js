/** The test over the whole course: which questions are drawn, and what the answers say. */

const MIX = { easy: 4, medium: 3, hard: 3 };
const SECTIONS = [[0, 4], [5, 7], [8, 99]]; // lessons: stages, families, practice
const LEAST_BY_SECTION = 2;
const DRAWS = 1000;
const STRONG = 0.8;
const NEARLY = 0.6;

export const RULE =
  "strong: at least 80% right, and at least half of the hard ones; nearly: at least 60%; else " +
  "review the lesson with the most wrong answers";

/**
 * Ten questions from easy to hard, at least two from each section of the course; all of them
 * where the bank doesn't hold such a mix.
 */
export function drawTest(questions, chance = Math.random) {
  const pools = Object.entries(MIX).map(([difficulty, count]) => [
    questions.filter((question) => question.difficulty === difficulty),
    count,
  ]);
  if (pools.some(([pool, count]) => pool.length < count)) return questions;
  for (let i = 0; i < DRAWS; i += 1) {
    const drawn = pools.flatMap(([pool, count]) => sample(pool, count, chance));
    const covers = ([first, last]) =>
      drawn.filter(({ lesson }) => lesson >= first && lesson <= last).length >= LEAST_BY_SECTION;
    if (SECTIONS.every(covers)) return drawn;
  }
  return questions;
}

function sample(pool, count, chance) {
  const rest = [...pool];
  return Array.from({ length: count }, () =>
    rest.splice(Math.floor(chance() * rest.length), 1)[0],
  );
}

/**
 * The verdict over a test's answers (utils/quiz/scoring.py).
 * @param {{difficulty: string, lesson: number, right: boolean}[]} answers
 */
export function verdict(answers) {
  const right = answers.filter((answer) => answer.right);
  const hard = answers.filter((answer) => answer.difficulty === "hard");
  const fraction = right.length / Math.max(1, answers.length);
  const hardRight = hard.filter((answer) => answer.right).length;
  if (fraction >= STRONG && 2 * hardRight >= hard.length) return "strong";
  return fraction >= NEARLY ? "nearly" : `review lesson ${weakest(answers)}`;
}

/** The lesson with the most wrong answers, the earlier one of two. */
function weakest(answers) {
  const wrong = new Map();
  for (const { lesson, right } of answers) {
    if (!right) wrong.set(lesson, (wrong.get(lesson) ?? 0) + 1);
  }
  return [...wrong].sort((one, other) => other[1] - one[1] || one[0] - other[0])[0]?.[0];
}
