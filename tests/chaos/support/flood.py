"""Connections to a port of this machine, each closed at once: PORT RATE SECONDS. Prints {"opened", "failed", "seconds"} as JSON.

Not in JavaScript: what a connection costs there is several times what it costs the gateway.
"""
import json
import socket
import sys
import time

port, rate, seconds = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
opened = failed = 0
begin = time.monotonic()
while (passed := time.monotonic() - begin) < seconds:
    if opened + failed >= passed * rate:
        time.sleep(0.001)
        continue
    with socket.socket() as caller:
        try:
            caller.connect(("127.0.0.1", port))
            opened += 1
        except OSError:
            failed += 1
print(json.dumps({"opened": opened, "failed": failed, "seconds": time.monotonic() - begin}))
