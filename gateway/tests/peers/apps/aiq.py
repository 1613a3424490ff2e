"""What NVIDIA's AIQ says of its backend, in few lines: a middleware that takes a bearer token or the
cookie `idToken` of requests to external host names, verifies it with the keys of
`{AIQ_JWT_ISSUER}/.well-known/openid-configuration`, and shows the principal to tools. As there, only
HTTP is looked at: a WebSocket is not.

Argument: the port.
"""

import contextvars
import json
import os
import sys
import urllib.request

import jwt
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute

EXTERNAL = os.environ["AIQ_EXTERNAL_HOSTNAMES"].split(",")
ISSUER, AUDIENCE = os.environ["AIQ_JWT_ISSUER"], os.environ["AIQ_JWT_AUDIENCE"]
token_of_request = contextvars.ContextVar("token", default=None)


class JWTValidator:
    keys = None

    def __call__(self, token):
        if self.keys is None:
            with urllib.request.urlopen(f"{ISSUER}/.well-known/openid-configuration") as answer:
                metadata = json.load(answer)
            assert metadata["issuer"] == ISSUER, metadata
            self.keys = jwt.PyJWKClient(metadata["jwks_uri"])
        key = self.keys.get_signing_key_from_jwt(token)
        algorithms = ["RS256", "ES256", "ES512"]
        return jwt.decode(token, key, algorithms=algorithms, issuer=ISSUER, audience=AUDIENCE)


class AuthMiddleware:
    def __init__(self, app):
        self.app, self.validate = app, JWTValidator()

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode().split(":")[0]
        if host not in EXTERNAL:
            scope["principal"] = {"sub": "internal"}
            return await self.app(scope, receive, send)
        scheme, _, token = headers.get(b"authorization", b"").decode().partition(" ")
        if scheme.lower() != "bearer":
            cookies = dict(it.strip().partition("=")[::2] for it in headers.get(b"cookie", b"").decode().split(";"))
            token = cookies.get("idToken", "")
        try:
            scope["principal"] = self.validate(token)
        except jwt.PyJWTError as cause:
            answer = JSONResponse({"error": type(cause).__name__}, status_code=401)
            return await answer(scope, receive, send)
        token_of_request.set(token)
        return await self.app(scope, receive, send)


async def data_sources(request):
    who = request.scope["principal"]
    return JSONResponse({
        "principal": {name: who.get(name) for name in ("sub", "email", "name")},
        "tool_has_token": token_of_request.get() is not None,
        "mode": request.headers.get("x-aiq-mode"),
        "authorizations": request.headers.getlist("authorization").__len__(),
    })


async def echo(socket):
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


routes = [Route("/v1/data_sources", data_sources), WebSocketRoute("/v1/ws", echo)]
uvicorn.run(AuthMiddleware(Starlette(routes=routes)), host="127.0.0.1", port=int(sys.argv[1]))
