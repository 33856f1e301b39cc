# SPDX-License-Identifier: Apache-2.0
"""Ports for the servers of a test."""

import random
import socket

reserved = []


def free_port():
    """A port of the loopback that nobody has, and that is nobody's by chance: below the ephemeral ones. It is
    reserved for this test by a socket that a server's SO_REUSEADDR passes over, and another test's search not."""
    while True:
        port, holder = random.randrange(12000, 32000), socket.socket()
        try:
            holder.bind(("127.0.0.1", port))
        except OSError:
            holder.close()
            continue
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.append(holder)
        return port
