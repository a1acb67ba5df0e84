# CPU:  docker build -t livehost .
# GPU:  docker build -t livehost:gpu --build-arg BASE=nvidia/cuda:12.6.3-cudnn-runtime-ubuntu24.04 --build-arg EXTRAS=gpu .
# Every step below is a make target that the tests use as well.
ARG BASE=debian:12-slim
FROM ${BASE}
ARG EXTRAS=""
ENV DEBIAN_FRONTEND=noninteractive PYTHONUNBUFFERED=1
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv make ca-certificates \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY pyproject.toml constraints.txt Makefile README.md LICENSE ./
COPY livehost livehost
COPY avatars avatars
COPY scripts scripts
RUN make setup \
 && if [ -n "$EXTRAS" ]; then \
      if [ "$EXTRAS" = gpu ]; then .venv/bin/pip uninstall --yes onnxruntime; fi; \
      .venv/bin/pip install --no-cache-dir -c constraints.txt -e ".[$EXTRAS]"; \
    fi
RUN useradd --create-home --uid 10001 livehost && mkdir /state && chown livehost /state
USER 10001
ENV XDG_STATE_HOME=/state XDG_CACHE_HOME=/state/cache
VOLUME /state
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["/app/.venv/bin/livehost", "status"]
ENTRYPOINT ["/app/.venv/bin/livehost"]
CMD ["run", "scripts/demo/room.toml"]
