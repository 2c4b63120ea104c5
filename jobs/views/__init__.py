"""One short function per page: read the address, ask `pages`, answer as page, fragment or JSON twin."""
