"""The SDK: what a training script imports. Start with :mod:`stepwire.client.monitor`."""
