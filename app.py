"""MNIST Lab: the router. Start it with ``streamlit run app.py``."""

from core import ui

ui.navigation().run()
ui.foot()
