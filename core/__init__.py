"""The shared module of MNIST Lab: everything but the pages.

Nothing in here knows of Streamlit, `core.ui` aside, and nothing but `core.worker` imports
TensorFlow or Keras. The two promises are held by `tests/ground/test_imports.py`.
"""

import os

# Otherwise ONNX Runtime writes a number for this device and a queue of events under the home folder, and
# sends them to its maker. It looks here while it is imported; what is called afterwards is too late for that.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
