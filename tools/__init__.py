"""Tools of the build and of the linters: no part of the product, standard library first."""
