"""A Chainlit app without a line about who may use it: `CHAINLIT_CUSTOM_AUTH=1` and the shared secret."""

import chat  # noqa: F401
