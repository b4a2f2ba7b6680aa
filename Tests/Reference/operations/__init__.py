"""The operations whose values and gradients operation_gradients.py stores, by subject."""
