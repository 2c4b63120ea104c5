"""The numbers of the product, measured on a running one: `./dev bench`. Each bound that is missed makes it exit 1."""
