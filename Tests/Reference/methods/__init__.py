"""Plain references of published methods, one file each, written from the papers' mathematics."""
