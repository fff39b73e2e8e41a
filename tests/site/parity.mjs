// Answers questions about the components' rules, one JSON line each: see test_components.py.
import { readFileSync } from "node:fs";

import { memories, fromLines, summary, toLines } from "../../site/components/answers.js";
import { verdict } from "../../site/components/draw.js";
import { gap } from "../../site/components/gap.js";
import { nextTask } from "../../site/components/plan.js";

const RULES = {
  gap: ({ asked, guess }) => gap(asked, guess),
  memories: ({ answers }) => Object.fromEntries(memories(answers)),
  lines: ({ text }) => toLines(fromLines(text).answers),
  summary: ({ items, answers, at }) => summary(items, answers, at),
  verdict: ({ answers }) => verdict(answers),
  sitting: ({ tasks, answers, at }) => {
    const [asked, known] = [[], memories(answers)];
    const next = () => nextTask(tasks, known, asked, at);
    for (let found = next(); found; found = next()) asked.push(found);
    return asked.map(({ id }) => id);
  },
};

const lines = readFileSync(0, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
for (const { rule, ...given } of lines) console.log(JSON.stringify(RULES[rule](given) ?? null));
