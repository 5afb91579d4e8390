"""Says for each case whether the header is the signature of the body: `Right`, `Wrong` or `Malformed`.

Each line of the input has the key, the body and the header in hexadecimal digits.
"""

import hmac
import re
import sys

for line in sys.stdin:
    key, body, header = (bytes.fromhex(part) for part in line.rstrip("\n").split(","))
    if not re.fullmatch(rb"[0-9a-f]{64}", header):
        print("Malformed")
        continue
    signature = hmac.new(key, body, "sha256").hexdigest().encode()
    print("Right" if hmac.compare_digest(signature, header) else "Wrong")
