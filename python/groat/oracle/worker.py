# SPDX-License-Identifier: Apache-2.0
"""The child process of `groat.oracle.tflm`: holds TFLM interpreters and serves requests on its own streams.

It exists because TFLM checks some conditions by aborting the process, and crashes on others.  It is run as a
script and imports nothing of Groat.  Requests and replies are pickled tuples, each after its length in 8
bytes; both ends are ours.
"""

from __future__ import annotations

import os
import pickle
import sys
from typing import IO, Any

LENGTH_BYTES = 8


def send(stream: IO[bytes], message: Any) -> None:
    """Writes one message."""
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(len(data).to_bytes(LENGTH_BYTES, "little") + data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Reads one message; EOFError when the other end has gone."""
    data = stream.read(_length(stream))
    return pickle.loads(data)


def _length(stream: IO[bytes]) -> int:
    header = stream.read(LENGTH_BYTES)
    if len(header) < LENGTH_BYTES:
        raise EOFError("the other process has gone")
    return int.from_bytes(header, "little")


def main() -> None:
    """Serves requests until standard input ends."""
    requests = sys.stdin.buffer
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever TFLM prints must not run into the replies

    from tflite_micro.python.tflite_micro import runtime

    interpreters: dict[int, Any] = {}
    while True:
        try:
            closed, kind, key, *arguments = receive(requests)
        except EOFError:
            return
        for old in closed:
            interpreters.pop(old, None)
        try:
            if kind == "open":
                model, arena_bytes = arguments
                interpreters[key] = runtime.Interpreter.from_bytes(
                    model,
                    arena_size=arena_bytes,
                    intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
                )
                send(replies, ("ok", None))
            else:
                inputs, outputs, indices = arguments
                interpreter = interpreters[key]
                for position, array in enumerate(inputs):
                    interpreter.set_input(array, position)
                interpreter.invoke()
                results = [interpreter.get_output(position).copy() for position in range(outputs)]
                tensors = {index: interpreter.GetTensor(index, 0)["tensor_data"].copy() for index in indices}
                send(replies, ("ok", (results, tensors)))
        except Exception as error:
            send(replies, ("error", f"{type(error).__name__}: {error}"))


if __name__ == "__main__":
    main()
