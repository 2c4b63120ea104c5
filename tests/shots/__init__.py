"""`./dev shots`: pictures of every state of every page, and contact sheets of them, for people to look at."""
