# Two images: `docker build --target service .` for ECS, `--target emulator` for a laptop.
# Plain Dockerfile syntax, so that BuildKit and the classic builder (docker-compose 1.29) take it alike.
ARG BASE=python:3.13-slim-bookworm
# checkov:skip=CKV_DOCKER_7:the tag is in BASE

# What is installed: locked, with hashes, wheels only (no compiler), in a layer that changes only with the lock.
FROM ${BASE} AS service-dependencies
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv --without-pip /opt/venv
COPY requirements/service.txt /tmp/
RUN python -m pip --python /opt/venv install --require-hashes --no-deps --only-binary=:all: -r /tmp/service.txt

FROM service-dependencies AS emulator-dependencies
COPY requirements/emulator.txt /tmp/
RUN python -m pip --python /opt/venv install --require-hashes --no-deps --only-binary=:all: -r /tmp/emulator.txt

# Our own code, readable by any user whatever the umask of the checkout, and compiled, as nothing can be written later.
FROM ${BASE} AS service-code
COPY service /app/service
RUN printf '#!/opt/venv/bin/python\nfrom service.__main__ import main\n\nraise SystemExit(main())\n' >/app/datasync-trigger \
 && python -m compileall -q /app \
 && chmod -R a+rX /app && chmod a+x /app/datasync-trigger

FROM ${BASE} AS emulator-code
COPY emulator /app/emulator
RUN python -m compileall -q /app && chmod -R a+rX /app

# What both run in: nothing is installed there any more, and nobody is root.
FROM ${BASE} AS runtime
RUN python -m pip uninstall --yes --root-user-action=ignore pip
ENV PATH=/opt/venv/bin:/app:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 10001:10001
STOPSIGNAL SIGTERM
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.version=${VERSION} \
      org.opencontainers.image.revision=${REVISION} \
      org.opencontainers.image.vendor="The datasync-trigger developers" \
      org.opencontainers.image.licenses="Apache-2.0"

FROM runtime AS emulator
LABEL org.opencontainers.image.title="datasync-emulator" \
      org.opencontainers.image.description="An AWS DataSync that runs on a laptop."
COPY --from=emulator-dependencies /opt/venv /opt/venv
COPY --from=emulator-code /app /app
EXPOSE 5000
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:5000/_emulator/faults', timeout=4)"]
ENTRYPOINT ["python", "-m", "emulator"]
CMD ["--host", "0.0.0.0", "--port", "5000", "--shares", "/shares"]

# Last, so that it is what a build without --target makes.
FROM runtime AS service
LABEL org.opencontainers.image.title="datasync-trigger" \
      org.opencontainers.image.description="Publishes the files that AWS DataSync has moved to S3 and verified to SQS."
COPY --from=service-dependencies /opt/venv /opt/venv
COPY --from=service-code /app /app
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 CMD ["datasync-trigger", "healthcheck"]
ENTRYPOINT ["datasync-trigger"]
CMD ["run"]
