"""What pictures say: faces now, documents and imprints beside them."""
