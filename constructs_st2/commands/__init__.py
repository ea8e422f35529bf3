"""The command line, and what is made for people: messages, pages, pictures."""
