"""OpenRLHF's own remote-reward client (openrlhf/utils/agent.py) against `qrm serve`: python openrlhf.py SRC URL[,URL…]

SRC is the folder that the wheel was unpacked to. Prints one JSON object: what the client made of the answers.
"""

import asyncio
import json
import sys
import types

source, urls = sys.argv[1], sys.argv[2].split(",")
sys.path.insert(0, source)
# The package's own __init__ imports torch and deepspeed, which the client does not need.
for name in ("openrlhf", "openrlhf.utils"):
    module = types.ModuleType(name)
    module.__path__ = [f"{source}/{name.replace('.', '/')}"]
    sys.modules[name] = module

from openrlhf.utils.agent import SingleTurnAgentExecutor  # noqa: E402

queries = json.load(sys.stdin)


async def main():
    executor = SingleTurnAgentExecutor(urls if len(urls) > 1 else urls[0])
    # A rollout asks for one query at a time, all at once.
    answers = await asyncio.gather(
        *(executor._fetch_rewards_via_http([q], ["prompt"], ["label"]) for q in queries)
    )
    print(json.dumps([answer[0] for answer in answers]))


asyncio.run(main())
