"""The shared module of MNIST Lab: everything but the pages.

Nothing in here knows of Streamlit, `core.ui` aside, and nothing but `core.worker` imports
TensorFlow or Keras. The two promises are held by `tests/test_imports.py`.
"""
