# SPDX-License-Identifier: Apache-2.0
"""The function that bench/serve measures: as a FastAPI app (`uvicorn word_counts:app`), and as a kept process of
`curfew serve` (`word_counts.py`). word_counts.c is the same in C."""

import json
import re
import signal
import sys
import time

MODES = ["words", "lines"]
SHOWN = 40


def word_counts(text, least):
    words = text.split()
    longest = max(words, key=len, default="")
    if not re.fullmatch(r"[0-9A-Za-z]*", longest):
        raise ValueError("words are of ASCII letters")
    return {"words": sum(len(word) >= least for word in words), "longest": longest[:SHOWN]}


def envelope(output):
    return {
        "usage": [{"value": output["words"], "name": "words"}],
        "status_code": 200,
        "file_data": None,
        "filedata_meta": {"terminate_current": False, "new_records": []},
        "status_code_text": None,
        "output": output,
        "message_channels": {"infos": [], "warnings": []},
    }


def make_app():
    import asyncio
    import enum
    from typing import Any, List, Optional

    from fastapi import FastAPI
    from pydantic import BaseModel

    Mode = enum.Enum("Mode", {word: word for word in MODES})

    class Request(BaseModel):
        text: str
        least: int = 1
        mode: Mode = Mode.words
        wait_ms: int = 0

    class Usage(BaseModel):
        value: int
        name: str

    class Meta(BaseModel):
        terminate_current: bool
        new_records: List[Any]

    class Output(BaseModel):
        words: int
        longest: str

    class Messages(BaseModel):
        infos: List[Any]
        warnings: List[Any]

    class Envelope(BaseModel):
        usage: List[Usage]
        status_code: int
        file_data: Optional[Any] = None
        filedata_meta: Meta
        status_code_text: Optional[str] = None
        output: Optional[Output] = None
        message_channels: Messages

    app = FastAPI()

    @app.post("/invoke", response_model=Envelope)
    async def invoke(request: Request) -> Envelope:
        output = word_counts(request.text, request.least)
        if request.wait_ms:
            await asyncio.sleep(request.wait_ms / 1000)
        return Envelope(**envelope(output))

    return app


SCHEMA = {
    "type": "object",
    "required": ["text"],
    "properties": {
        "text": {"type": "string"},
        "least": {"type": "integer", "default": 1},
        "mode": {"type": "string", "enum": MODES, "default": "words"},
        "wait_ms": {"type": "integer", "default": 0},
    },
}


def describe():
    outputs = {
        "type": "object",
        "required": ["words", "longest"],
        "properties": {"words": {"type": "integer"}, "longest": {"type": "string"}},
    }
    print(json.dumps({"name": "word_counts", "inputs": SCHEMA, "outputs": outputs}))


def serve():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    for line in sys.stdin:
        request = json.loads(line)
        answer = envelope(word_counts(request["text"], request["least"]))
        time.sleep(request["wait_ms"] / 1000)
        print(json.dumps({**answer, "end": True}), flush=True)


if __name__ == "__main__":
    describe() if "--describe" in sys.argv else serve()
else:
    app = make_app()
