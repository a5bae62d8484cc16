"""MNIST Lab without its pages: packages in the order data set, network, run, prediction.

`docs/design.md` has a map of the rooms. Only `core.ui` imports Streamlit, and only `core.worker` imports
TensorFlow or Keras. `tests/ground/test_imports.py` tests the order and both rules.
"""

import os

# Otherwise, ONNX Runtime writes an id of this device and a queue of events under the home folder, and sends
# them to its maker. It reads this setting while it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# Otherwise, PyArrow, with which Streamlit sends tables, takes 10 MB at once for the smallest of them.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
