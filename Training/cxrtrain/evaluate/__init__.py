"""Every figure of the model card, measured."""
