"""Serves a function behind MiniStack's API Gateway and Lambda until standard input ends, to measure it.

Usage: serve.py BINARY   (run by the Python that setup.sh prints; prints the URL for clients)
"""

import sys

from api import deploy
from stack import Stack

stack = Stack()
failed = True
try:
    stack.wait()
    print(deploy(stack, sys.argv[1], ("$connect", "$disconnect", "$default"), {}), flush=True)
    sys.stdin.read()
    failed = False
finally:
    stack.stop(failed)
