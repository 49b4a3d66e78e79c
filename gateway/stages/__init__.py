"""The stages of the pipeline, one a file, in the order in which gateway.pipeline lists them."""
