"""MNIST Lab without its pages: packages in the order data set, network, run, prediction.

`docs/design.md` has a map of the rooms. Only `core.ui` knows of Streamlit, and only `core.worker` imports
TensorFlow or Keras. `tests/ground/test_imports.py` holds the order and both promises.
"""

import os

# Otherwise ONNX Runtime writes a number for this device and a queue of events under the home folder, and
# sends them to its maker. It looks here while it is imported; what is called afterwards is too late for that.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
