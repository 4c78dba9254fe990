"""`python -m benchmarks.stub FORM FILES`: serve until terminated. The first line of the output is the URL."""

import asyncio
import sys

from benchmarks.stub.aws import Aws
from benchmarks.stub.http import serve
from benchmarks.workload import Workload


async def main(form: str, files: str) -> None:
    server = await serve(Aws(Workload(form, int(files))).answer)
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
