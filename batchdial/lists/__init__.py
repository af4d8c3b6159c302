"""A contact file comes in; blocks of text rows, a column map and a verdict a row go out."""
