"""The course as a static site: pages out of lessons, exercises, quizzes and items."""
