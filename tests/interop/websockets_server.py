"""A server of Debian's python3-websockets for the interop tests. Prints its port.

It returns messages; the text "bye" ends the connection with 4001. /close: closes with 4002 at once.
/ping: sends a message when its ping was answered. /silent: reads nothing. websockets_server.py deflate:
with permessage-deflate.
"""

import asyncio
import sys

import websockets


async def talk(socket):
    if socket.path == "/close":
        return await socket.close(4002, "the server is closing")
    if socket.path == "/ping":
        await (await socket.ping("are you there"))
        await socket.send("the pong came")
    async for message in socket:
        if message == "bye":
            await socket.close(4001, "see you")
        else:
            await socket.send(message)


async def main():
    compression = "deflate" if "deflate" in sys.argv else None
    served = websockets.serve(
        talk, "127.0.0.1", 0, subprotocols=["chat"], compression=compression, ping_interval=None
    )
    async with served as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
