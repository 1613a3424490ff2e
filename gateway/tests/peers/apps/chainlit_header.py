"""A Chainlit app as people have written it: the token of the gateway, read in a header callback. The
callback is a published example, unchanged; secret and algorithm come from the environment.
"""

import os
from typing import Dict, Optional

import chainlit as cl
import jwt

import chat  # noqa: F401

SECRET = os.environ["SECRET"]
JWT_ALGORITHM = "HS256"


@cl.header_auth_callback
def header_auth_callback(headers: Dict) -> Optional[cl.User]:
    if headers.get("x-user-jwt"):
        jwt_token = headers.get("x-user-jwt")
        try:
            decoded_payload = jwt.decode(jwt_token, SECRET, algorithms=[JWT_ALGORITHM])
            return cl.User(
                identifier=decoded_payload['user'],
                display_name=decoded_payload['display_name'],
                metadata={"role": 'user', "provider": "header"})
        except jwt.ExpiredSignatureError:
            cl.logger.error("Token has expired.")
            return None
    else:
        return None
