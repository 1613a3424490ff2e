"""What a portal does that sends its users on with a signed link: user, and seconds until it ends."""

import base64
import sys
import time

from cryptography.hazmat.primitives.serialization import load_pem_private_key

key = load_pem_private_key(open(sys.argv[1], "rb").read(), None)
message = f"{sys.argv[2]}:{int(time.time()) + int(sys.argv[3])}"
signature = base64.urlsafe_b64encode(key.sign(message.encode())).decode()
print(f"?message={message}&signature={signature}")
