"""One script a claim: each prints what it measured and writes docs/results/<name>.md and .json."""
