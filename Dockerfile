FROM python:3.12-slim

# The app does not run as root. It writes only to /data.
RUN useradd --create-home --uid 1000 lab && mkdir -p /data && chown lab /data
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY app.py ./
COPY pages pages
COPY core core
COPY starter starter
COPY .streamlit .streamlit

USER lab
ENV MNIST_LAB_RUNS=/data/runs MNIST_LAB_DRAWINGS=/data/drawings.sqlite KERAS_HOME=/data/keras PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8501
HEALTHCHECK CMD python -c "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=5)"
CMD ["streamlit", "run", "app.py", "--server.address=0.0.0.0", "--server.headless=true", "--server.fileWatcherType=none"]
