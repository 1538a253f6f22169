"""The health-check loop of the classic courses: ``health_loop.py VIP PORT TRIES LOG SERVER=WEIGHT…``.

Every five seconds each server is asked by HTTP, with a second to connect. It is out after TRIES failures in one round,
and back after one success; when none is left 127.0.0.1 serves. Who is in is read from the kernel's table.
"""

import contextlib
import http.client
import subprocess
import sys
import time


def answers(address: str, port: int) -> bool:
    connection = http.client.HTTPConnection(address, port, timeout=1)
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection.connect()
        connection.sock.settimeout(20)
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    return False


def ipvsadm(*words: str) -> str:
    return subprocess.run(["ipvsadm", *words], capture_output=True, text=True, check=True).stdout


def main() -> None:
    vip, port, tries, log = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    weights = dict(word.split("=") for word in sys.argv[5:])
    service = f"-t {vip}:{port}"
    while True:
        rules = [line for line in ipvsadm("-S", "-n").splitlines() if line.startswith(f"-a {service} ")]
        inside = {line.split("-r ")[1].split(":")[0] for line in rules}
        for address, weight in weights.items():
            up = any(answers(address, port) for _ in range(tries))
            if up == (address in inside):
                continue
            server = f"{service} -r {address}:{port}"
            ipvsadm(*(f"-a {server} -g -w {weight}" if up else f"-d {server}").split())
            inside ^= {address}
            with open(log, "a", encoding="ascii") as file:
                file.write(f"{time.ctime()} {address} is {'back' if up else 'gone'}.\n")
        alone = not inside & set(weights)
        if alone != ("127.0.0.1" in inside):
            ipvsadm(*f"{'-a' if alone else '-d'} {service} -r 127.0.0.1:{port}".split())
        time.sleep(5)


main()
