"""The specification's import path. See :mod:`dashboard.client`."""
