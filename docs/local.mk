EXTRA_DIST += docs/architecture.md docs/supervisor.md
