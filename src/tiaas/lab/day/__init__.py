"""A day in a practice: a schedule made of a seed, played against a running lab, compared with a model, and reported."""
