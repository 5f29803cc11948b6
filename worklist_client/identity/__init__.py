"""Who is who across hospitals: patient keys, one pure comparison, confirmed links. No network, no files."""
