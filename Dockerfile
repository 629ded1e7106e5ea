# bridge in a container; docs/hosting.md says how it is started, and where it keeps its posts.
FROM python:3.13-slim
WORKDIR /opt/bridge
COPY requirements.txt .
RUN pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements.txt
COPY pyproject.toml .
COPY bridge bridge
RUN useradd --uid 5000 --no-create-home bridge
RUN install -d -o bridge -m 700 /var/lib/bridge
USER bridge
ENV HOST=0.0.0.0 BRIDGE_DATA=/var/lib/bridge
EXPOSE 3000
CMD ["python", "-m", "bridge", "run"]
