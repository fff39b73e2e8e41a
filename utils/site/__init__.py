"""The course as a site: pages and data out of lessons, quizzes, weights and learning items."""
