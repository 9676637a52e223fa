#!/usr/bin/env python3
"""How large a `countersign` program is, and how long after its start it answers: `tests/start.py PROGRAM`.

Serves the bare verification API from an empty folder, 20 times, and asks `/health` each millisecond until it is answered.
Needs openssl. Prints the size and the median time, with the quickest and the slowest.
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TIMES = 20
PATIENCE_SECONDS = 60

CONFIGURATION = """
tls = {{ certificate = "server.pem", key = "server.key" }}
keys = {{ current = "1", files = {{ 1 = "master.key" }} }}
store = {{ path = "countersign.db" }}
api = {{ listen = "127.0.0.1:{api}" }}
operations = {{ listen = "127.0.0.1:{operations}" }}
sms = {{ address = "127.0.0.1:1", system_id = "start", password_file = "sms.password", source = "Start" }}
[access]
[[relying_party]]
id = "dupont"
name = "Librairie Dupont"
api_key_sha256 = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683"
"""


def free_ports():
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def answered(port):
    try:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.settimeout(PATIENCE_SECONDS)
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.1 200 ")
    except ConnectionError:
        return False


def milliseconds(program):
    """From exec to the first answer, with a new store."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o700)
        os.umask(0o077)
        openssl = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost"
        openssl += " -addext subjectAltName=DNS:localhost -keyout server.key -out server.pem"
        subprocess.run(openssl.split(), cwd=folder, check=True, stderr=subprocess.DEVNULL)
        api, operations = free_ports()
        for name, text in [
            ("master.key", os.urandom(32).hex()),
            ("sms.password", "secret"),
            ("countersign.toml", CONFIGURATION.format(api=api, operations=operations)),
        ]:
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        begun = time.monotonic()
        serve = [program, "serve", "--config", os.path.join(folder, "countersign.toml")]
        server = subprocess.Popen(serve, stderr=subprocess.DEVNULL)
        try:
            while not answered(operations):
                if server.poll() is not None or time.monotonic() - begun > PATIENCE_SECONDS:
                    sys.exit("it does not serve")
                time.sleep(0.001)
            return (time.monotonic() - begun) * 1000
        finally:
            server.kill()
            server.wait()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    program = os.path.abspath(sys.argv[1])
    print(f"{os.path.getsize(program) / 1e6:.1f} MB")
    times = sorted(milliseconds(program) for _ in range(TIMES))
    print(f"{statistics.median(times):.0f} ms to the first answer ({times[0]:.0f} to {times[-1]:.0f})")


if __name__ == "__main__":
    main()
