"""The models, batches and optimizers of training_curves.py and throughput_torch.py."""
