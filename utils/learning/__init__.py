"""Ten ways to learn the same pattern: items made from lessons, questions and exercises."""
