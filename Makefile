# Needs Python 3.11 or newer, git and make. What else is needed goes into .venv on first use, as requirements-dev.lock says.
PYTHON ?= python3
service := {{cookiecutter.project_slug}}
run = $(PYTHON) '$(service)/local/venv.py'
compile = $(strip $(run) uv $(1) pip compile --universal --generate-hashes --no-header --no-annotate --quiet $(upgrade))

.PHONY: demo new test check golden lock bench update

# Generates the default service into build/ and plays four scenes on it.
demo:
	@$(run) python -m tests.baking build >/dev/null
	@cd build/acme-assistant && exec $(PYTHON) local/venv.py python -m local.scenes

# Your own service, beside this clone or `into` another folder.
new:
	@$(run) cookiecutter . --output-dir '$(or $(into),..)'

# Everything; `make test only='-m "not slow"'` is the part that takes no minutes.
test:
	$(run) python -m pytest$(if $(only), $(only))

check:
	$(run) ruff format --check hooks tests bench update.py
	$(run) ruff check hooks tests bench update.py
	$(run) mypy hooks/pre_gen_project.py hooks/post_gen_project.py tests bench update.py

# How the service compares with its peers, in minutes: bench/README.md. `make bench only=direct,aiohttp seconds=1 rounds=5`
bench:
	@mkdir -p build/bench
	@$(run) python -m tests.baking build/bench
	@cd build/bench/acme-assistant && PYTHONPATH='$(CURDIR)' exec $(PYTHON) local/venv.py python -m bench \
		$(if $(only),--only '$(only)') $(if $(seconds),--seconds $(seconds)) $(if $(rounds),--rounds $(rounds))

# Brings a generated project to the newest release of this clone: `make update project=../lease-reader to=v1.2.0`
update:
	@$(run) python update.py '$(project)'$(if $(from), --from '$(from)')$(if $(to), --to '$(to)')

# Writes the lists of generated paths again; review the diff.
golden:
	$(run) python -m tests.golden

# Compiles the locks again; `make lock upgrade=--upgrade` takes newer versions, none younger than a week.
lock:
	$(run) python -m tests.baking build
	$(call compile,--directory build/acme-assistant) pyproject.toml --group dev -o requirements-dev.lock
	$(call compile,--directory build/acme-assistant) pyproject.toml -c requirements-dev.lock -o requirements.lock
	cp build/acme-assistant/requirements.lock build/acme-assistant/requirements-dev.lock '$(service)'
	$(call compile,) --group dev --python-version 3.11 -c '$(service)/requirements-dev.lock' -o requirements-dev.lock
	grep -o '^litellm==[^ ]*' '$(service)/requirements.lock' >build/litellm.txt
	$(call compile,) --group bench-litellm-proxy --python-version 3.11 -c build/litellm.txt -o bench/litellm-proxy.lock
	$(call compile,) --group bench-node --python-version 3.11 -o bench/node.lock
	cd bench/portkey && npm install --package-lock-only --ignore-scripts
