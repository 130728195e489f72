"""Collectives of Flex-MIG for Python, over the C interface libflexmig.so.

flexmig.torch is the backend for PyTorch. flexmig.library has the communicator that it uses, on plain addresses.
"""

from flexmig.library import FlexmigError

__version__ = "0.1.0"
__all__ = ["FlexmigError", "__version__"]
