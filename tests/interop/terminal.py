"""Runs a program on a pseudo-terminal of 80 columns: terminal.py PROGRAM ARGUMENTS...

Standard input goes to the terminal, and what the terminal shows to standard output. The end of standard
input hangs the terminal up. A line "COLUMNS ROWS" on descriptor 3 changes its size. Ends with the
program's exit code, or with 128 and the number of its signal.
"""

import fcntl
import os
import select
import struct
import sys
import termios


def set_size(terminal, columns, rows):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def become(slave, command):
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for descriptor in (0, 1, 2):
        os.dup2(slave, descriptor)
    os.execv(command[0], command)


def read(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:  # No program has the terminal open any more.
        return b""


def main():
    terminal, slave = os.openpty()
    set_size(slave, 80, 24)
    child = os.fork()
    if child == 0:
        os.close(terminal)
        os.close(3)
        become(slave, sys.argv[1:])
    os.close(slave)
    inputs = [0, 3, terminal]
    while terminal in inputs:
        for descriptor in select.select(inputs, [], [])[0]:
            data = read(descriptor)
            if not data:
                inputs.remove(descriptor)
            if descriptor == terminal:
                os.write(1, data)
            elif descriptor == 0:
                if not data:
                    inputs.clear()
                    os.close(terminal)
                    break
                os.write(terminal, data)
            elif data:
                set_size(terminal, *map(int, data.split()[:2]))
    status = os.waitpid(child, 0)[1]
    sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


main()
