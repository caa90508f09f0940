"""Makes (or removes) a network bridge by the kernel's own calls: a bare machine has no `ip` command.

Two engines on one machine must not share Docker's default bridge: the second one takes the first one's
address away.

    bridge.py up NAME ADDRESS      an existing bridge of that name is kept and given the address (a /24)
    bridge.py down NAME            no error where there is none
"""

import contextlib
import errno
import fcntl
import socket
import struct
import sys

# From linux/sockios.h and linux/if.h.
SIOCBRADDBR, SIOCBRDELBR = 0x89A0, 0x89A1
SIOCSIFADDR, SIOCSIFNETMASK = 0x8916, 0x891C
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


def up(name: bytes, address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as kernel:
        try:
            fcntl.ioctl(kernel, SIOCBRADDBR, name.ljust(16, b"\0"))
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise
        for call, value in ((SIOCSIFADDR, address), (SIOCSIFNETMASK, "255.255.255.0")):
            request = struct.pack("16sHH4s8x", name, socket.AF_INET, 0, socket.inet_aton(value))
            fcntl.ioctl(kernel, call, request)


def down(name: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as kernel, contextlib.suppress(OSError):
        request = fcntl.ioctl(kernel, SIOCGIFFLAGS, struct.pack("16sH22x", name, 0))
        flags = struct.unpack("16sH22x", request)[1] & ~IFF_UP
        # A bridge must be down before the kernel lets go of it.
        fcntl.ioctl(kernel, SIOCSIFFLAGS, struct.pack("16sH22x", name, flags))
        fcntl.ioctl(kernel, SIOCBRDELBR, name.ljust(16, b"\0"))


if __name__ == "__main__":
    if sys.argv[1] == "up":
        up(sys.argv[2].encode(), sys.argv[3])
    else:
        down(sys.argv[2].encode())
