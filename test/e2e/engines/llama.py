"""llama.cpp's server, as `llama-server -m FILE --port PORT --embeddings --pooling none -c 8192 -b BATCH -ub BATCH`, from the package
xllamacpp, which has that server's own code: the wheels of PyPI that hold the program itself want newer processors.

    python llama.py FILE PORT BATCH
"""

import sys
import threading

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.hostnames = ["127.0.0.1"]
params.port = int(sys.argv[2])
params.embedding = True
params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_NONE
params.n_ctx = 8192
params.n_batch = params.n_ubatch = int(sys.argv[3])
params.cpuparams.n_threads = 1  # two that wait for one another are slow where others work
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
threading.Event().wait()
