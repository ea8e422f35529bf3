"""The site of docs/: what it has besides the pages, and a walk through it in a browser."""
