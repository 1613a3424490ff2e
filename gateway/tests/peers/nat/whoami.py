"""A workflow of the NVIDIA NeMo Agent Toolkit that says whose request it is.

Argument: the port.
"""

import json
from pathlib import Path
import sys

from nat.builder.context import Context
from nat.builder.function_info import FunctionInfo
from nat.cli.entrypoint import cli
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig

WORKFLOW = """
general:
  telemetry: {}
  front_end:
    _type: fastapi
    host: 127.0.0.1
    identity_header: X-User-ID
workflow:
  _type: whoami
"""


class Whoami(FunctionBaseConfig, name="whoami"):
    pass


@register_function(config_type=Whoami)
async def whoami(config, builder):
    async def answer(text: str) -> str:
        context = Context.get()
        headers = context.metadata.headers
        fields = [] if headers is None else sorted(headers.items())
        return json.dumps({"user": context.user_id, "said": text, "headers": fields})

    yield FunctionInfo.from_fn(answer, description="says whose request it is")


if __name__ == "__main__":
    Path("workflow.yml").write_text(WORKFLOW)
    sys.argv = ["nat", "serve", "--config_file", "workflow.yml", "--port", sys.argv[1]]
    cli()
