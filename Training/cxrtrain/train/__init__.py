"""The four training stages."""
