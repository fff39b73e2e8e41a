/** All elements of the course, to be bundled into one classic script and one style sheet. */

import "./course.css";
import { CourseBugs } from "./bugs.js";
import { CourseCards } from "./cards.js";
import { CourseParsons } from "./parsons.js";
import { CoursePredict } from "./predict.js";
import { CourseProgress } from "./progress.js";
import { CourseQuiz } from "./quiz.js";

const ELEMENTS = {
  "course-quiz": CourseQuiz,
  "course-cards": CourseCards,
  "course-predict": CoursePredict,
  "course-parsons": CourseParsons,
  "course-bugs": CourseBugs,
  "course-progress": CourseProgress,
};

for (const [name, element] of Object.entries(ELEMENTS)) {
  if (!customElements.get(name)) customElements.define(name, element);
}
