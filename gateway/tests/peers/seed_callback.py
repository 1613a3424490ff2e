"""What an application behind the gateway does that checks tokens as people have written it: a plain
`jwt.decode` of PyJWT, and a user made of the claims `user` and `display_name`.

Reads the token from standard input, the secret from the first argument; prints the user as JSON.
"""

import json
import sys

import jwt

payload = jwt.decode(sys.stdin.read().strip(), sys.argv[1], algorithms=["HS256"])
print(json.dumps({"identifier": payload["user"], "display_name": payload["display_name"]}))
