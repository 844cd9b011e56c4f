EXTRA_DIST += docs/architecture.md docs/supervisor.md docs/front.md docs/frames.md docs/js.md docs/store-owners.md docs/raft.md
