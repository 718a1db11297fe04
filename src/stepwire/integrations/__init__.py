"""Callbacks and loggers for training frameworks, one module each; importing one imports its framework.

``docs/integrations.md`` has an example of each: Lightning, Hugging Face Trainer and Accelerate, Keras, XGBoost,
LightGBM, scikit-learn, Stable-Baselines3, Optuna, Ray Tune, and plain PyTorch.
"""
