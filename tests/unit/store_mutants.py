#!/usr/bin/env python3
"""Deliberate faults in the journal and the store: each must be found by the tests.

Run by hand: tests/unit/store_mutants.py <build tree> [name...].  Each mutant is one replacement in a copy of the sources,
compiled without make; the tests named run until one fails.  Exit 1: a mutant survived, or no longer applies.
"""
import os
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
JOURNAL, MODEL, DAMAGE, CARE = "test_store_journal", "test_store_model", "test_store_damage", "test_store_care"
LARGE, FAULTS = "test_store_large", "test_store_faults"
SNAPSHOT = "test_store_snapshot"
MUTANTS = [
    ("ack before sync", "common/journal.c",
     "if (j->options.policy == JOURNAL_DURABLE && disk_sync(j->disk, j->active->handle) != 0)", "if (false)", [JOURNAL]),
    ("sync retried on the same file", "common/journal.c",
     'return (broken(j, "sync", err));\n\tj->active->head_due', "return (-1);\n\tj->active->head_due", [JOURNAL, MODEL]),
    ("void commits count", "common/journal_scan.c", "uint64_t first = UINT64_MAX;", "return (UINT64_MAX); uint64_t first = 0;",
     [JOURNAL]),
    ("torn commit counts", "common/journal_scan.c", "if (c->number > s->durable && !(commit_is_whole(s, g, at, c) && commit_holds(s, g, at, c))) {",
     "if (false) {", [JOURNAL]),
    ("cut at the first bad record", "common/journal_scan.c", "if (c->number > s->durable && !(commit_is_whole",
     "if (!(commit_is_whole", [JOURNAL]),
    ("segments used again too early", "common/journal_segment.c", "if (s->last > released)", "if (s->last > released + 3)",
     [JOURNAL, MODEL]),
    ("name of a segment not synced", "common/journal_segment.c",
     "disk_rename(j->disk, j->dir, fresh, j->dir, name) != 0 ||\n\t    disk_sync(j->disk, j->dir) != 0) {",
     "disk_rename(j->disk, j->dir, fresh, j->dir, name) != 0) {", [JOURNAL]),
    ("recovered commits not synced", "common/journal_scan.c",
     "else if (j->options.policy != JOURNAL_NONE &&\n\t\t\t    disk_sync(j->disk, g->handle) != 0)", "else if (false)", [MODEL, JOURNAL]),
    ("lost tombstone", "natsd-js/store/remove.c", "store_end(s, STORE_J_REMOVE, RANGE_BYTES);", "", [MODEL]),
    ("new file not synced before its rename", "common/disk.c",
     'if (disk_sync(disk, handle) != 0) {\n\t\terr_sys(err, "sync %s", fresh);', 'if (false) {\n\t\terr_sys(err, "sync %s", fresh);', [MODEL]),
    ("rename not synced", "common/disk.c",
     'if (disk_sync(disk, dir) != 0)\n\t\treturn (err_sys(err, "sync the directory of %s", name));\n\treturn (0);', "return (0);", [MODEL]),
    ("block not synced", "natsd-js/store/job.c", "else if (disk_sync(disk, handle) != 0)\n\t\tresult = err_sys(err, \"sync block %s\", name);",
     "else if (false)\n\t\tresult = -1;", [MODEL]),
    ("name of a block not synced", "natsd-js/store/job.c", "if (result == 0 && j->sync_folder && disk_sync", "if (false && disk_sync", [MODEL]),
    ("state not synced", "natsd-js/store/job.c", "else if (disk_sync(js->disk, handle) != 0)\n\t\tresult = err_sys(&j->err, \"sync state\");",
     "else if (false)\n\t\tresult = -1;", [MODEL]),
    ("torn batch of the state counts", "natsd-js/store/state_file.c", "if (x.copies > 0 && x.whole == 0 && x.last_end > 0)", "if (false)", [MODEL]),
    ("tombstone stands once", "natsd-js/store/block.c", "if (write_pairs(b, from, count) != 0 || write_pairs(b, from, count) != 0)",
     "if (write_pairs(b, from, count) != 0)", [CARE]),
    ("tombstone not written", "natsd-js/store/checkpoint.c", "if (b->fresh.count > 0 && block_write_dead(b) != 0)", "if (false)", [CARE]),
    ("removed before the state says so", "natsd-js/store/job.c", "\tj->failed = j->folder < 0 || blocks_do(js, j->folder, j) != 0;",
     "\tj->failed = j->folder < 0 || blocks_do(js, j->folder, j) != 0;\n\tif (!j->failed) (void)gone_do(js, j->folder, j);", [MODEL]),
    ("cut not in the journal", "natsd-js/store/remove.c", "\tstore_end(s, type, 8);", "\tif (type != STORE_J_CUT) store_end(s, type, 8);", [MODEL]),
    ("journal not wiped", "natsd-js/store/checkpoint.c", "journal_wipe(store->journal);", "(void)0;", [CARE]),
    ("erasure not written", "natsd-js/store/job.c", "result = erasures_do(js, j->folder, j);", "result = 0;", [CARE]),
    ("expired too late", "natsd-js/store/expire.c", "if (r->expires > d->now) {", "if (r->expires > d->now - 40) {", [MODEL]),
    ("written anew without the last", "natsd-js/store/rewrite.c", "if (r.type != RECORD_MESSAGE || r.seq < m->from->first || r.seq > m->from->last)",
     "if (r.type != RECORD_MESSAGE || r.seq < m->from->first || r.seq >= m->from->last)", [MODEL, CARE]),
    ("a file goes that a snapshot needs", "natsd-js/store/checkpoint.c",
     "if (s->gone[i].held)\n\t\t\tcontinue;", "", [SNAPSHOT]),
    ("what was dead is not copied", "natsd-js/store/block.c", "if (b->pins > 0 && snapshot_before_kill(b) != 0)", "if (false)", [SNAPSHOT]),
    ("a snapshot shows what is erased", "natsd-js/store/remove.c", "\tsnapshot_erased(b, seq);\n", "", [SNAPSHOT]),
    ("not erased where it stays for a snapshot", "natsd-js/store/remove.c", "erase_ghosts(s, seq, err) != 0 || ", "", [SNAPSHOT]),
    ("files that stayed are forgotten", "natsd-js/store/checkpoint.c", "\ts->gone_count = kept;", "\ts->gone_count = 0 * kept;", [SNAPSHOT]),
    ("shown before its files are written", "natsd-js/store/restore.c", "if (!s->dirty && s->job == NULL && s->has_folder)", "if (true)", [SNAPSHOT]),
    ("restored without an end", "natsd-js/store/restore.c", "if (!r->whole) {", "if (false) {", [SNAPSHOT]),
    ("what was not ended stays", "natsd-js/store/restore.c", "(void)store_dead_add(store, s->uid, true);", "(void)0;", [SNAPSHOT]),
    ("hidden in no catalogue", "natsd-js/store/catalogue.c", "s->hidden ? ENTRY_HIDDEN : ENTRY_STREAM", "ENTRY_STREAM", [SNAPSHOT]),
    ("sequences may be missing", "natsd-js/store/restore.c", "if (rec->seq != s->last_seq + 1 || rec->seq > r->last_seq)",
     "if (rec->seq < s->last_seq + 1)", [SNAPSHOT]),
    ("snapshots not checked", "natsd-js/store/restore.c", "messages != s->messages || bytes != r->bytes ||", "", [SNAPSHOT]),
    ("an id is not in the journal", "natsd-js/store/stream_ids.c", "\tstore_end(s, STORE_J_ID, IDS_ENTRY_BYTES);", "\tstream_touch(s);", [MODEL]),
    ("ids not synced", "natsd-js/store/ids_file.c", "else if (disk_sync(disk, handle) != 0)", "else if (false)", [MODEL]),
    ("name of a file of ids not synced", "natsd-js/store/ids_file.c", "else if (j->ids_new && disk_sync(disk, folder) != 0)", "else if (false)", [MODEL]),
    ("ids survive what is cut", "natsd-js/store/stream_ids.c", "return (s->ids == NULL ? 0 : stream_ids_apply(s, &e));",
     "return (s->ids == NULL ? 0 : 0 * (int)e.seq);", [MODEL]),
    ("ids are known too long", "natsd-js/store/ids.c", "e->time <= ids->now - ids->window)", "e->time < ids->now - ids->window - 30)", [MODEL]),
    ("a file of ids that failed is written again", "natsd-js/store/stream_ids.c", "ids->renew |= j->with_ids;", "", ["test_store_ids"]),
    ("files of ids are not read", "natsd-js/store/stream_ids.c", "\tids->known = count == 0;", "\tids->known = true;", [MODEL]),
    ("a snapshot without ids", "natsd-js/store/snapshot.c", "return (x->id_at == x->ids.count);", "return (true);", [SNAPSHOT]),
    ("new subjects are not seen", "natsd-js/store/append.c", "sum->count == 1 && s->filters != NULL", "false", ["test_store_find"]),
    ("a block is looked through that says what it has", "natsd-js/store/find_list.c", "if (b->contents_at == 0 ||", "if (true ||", ["test_store_find"]),
    ("the list forgets what it found where", "natsd-js/store/find_list.c", "\tif (f->found_in == b->number)\n\t\treturn (0);", "\tif (f->found_in != 0)\n\t\treturn (0);", ["test_store_find"]),
    ("place not in the check", "natsd-js/store/record.c", "\treturn (mix(uid", "\treturn (7); return (mix(uid", [DAMAGE, "test_store_parts"]),
    ("journal released before the files are written", "natsd-js/store/checkpoint.c",
     "\tstore->cut_sent = true;", "\tstore->cut_sent = true;\n\tjournal_release(store->journal, store->cut_commit);",
     [MODEL, DAMAGE]),
    ("what a killed process left is trusted", "natsd-js/store/recover.c",
     "\ts->resync = true;\n\tstream_touch(s);\n\tif (e->commit", "\tif (e->commit", [MODEL]),
    ("bytes not checked when read", "natsd-js/store/record.c", "if (XXH3_64bits_withSeed(p + HASHED, r->bytes - HASHED, place) != r->check)",
     "if (false)", [DAMAGE]),
    ("large record not synced", "natsd-js/store/large_write.c", "if (disk_sync(w->disk, handle) != 0)", "if (false)", [LARGE, MODEL]),
    ("name of a large record's block not synced", "natsd-js/store/large_write.c", "if (f->is_new && disk_sync(w->disk, folder) != 0)",
     "if (false)", [MODEL]),
    ("large record not synced in the interval", "natsd-js/store/large_write.c", "\t\treturn (interval_sync(w, err));", "\t\treturn (0);", [LARGE]),
    ("file with large records is written again after a crash", "natsd-js/store/recover.c",
     "s->blocks[i]->broken = s->blocks[i]->changed = true;", "(void)0;", [MODEL]),
    ("number of a file with large records is used again", "natsd-js/store/recover.c",
     "\tif (h->number > s->last_block)\n\t\ts->last_block = h->number;", "", [MODEL, LARGE]),
    ("large record that was never committed is a witness", "natsd-js/store/recover.c", "(r->flags & RECORD_EARLY) == 0", "true", [MODEL]),
    ("large record that failed stays", "natsd-js/store/large.c", "\tif (l->block != NULL)\n\t\tlarge_void(l);", "", [LARGE]),
    ("failed large record's file is written again", "natsd-js/store/large.c", "\tb->broken = b->changed = true;\n\tfor", "\tfor", [LARGE, MODEL]),
    ("failed large record is in the journal", "natsd-js/store/large_write.c", "l->ahead.type = STORE_J_ADVANCE;", "", [LARGE]),
    ("checkpoint sent with a large record that failed", "natsd-js/store/large.c", "\t\ts->job->failed = true;\n", "", [LARGE, MODEL]),
    ("job empties the file of a large record", "natsd-js/store/append.c", "return (!b->is_new || b->flight == NULL);", "return (true);", [LARGE, MODEL]),
    ("large record without its bytes counts", "natsd-js/store/large.c", "return (data != NULL || !large_is_absent(&err));", "return (true);", [LARGE]),
    ("rewritten while a large record is on its way", "natsd-js/store/rewrite.c", "if (extent_on_way(b))", "if (false)", [LARGE, MODEL]),
    ("unlinked block comes back behind a new state", "natsd-js/store/checkpoint.c", "s->resync || (j->state_whole && s->state_bytes > 0)",
     "s->resync", [MODEL]),
    ("what an unfinished checkpoint left is forgotten", "natsd-js/store/recover.c", "s->blocks[i]->stale = true;", "", [MODEL]),
    ("folder without a catalogue is not looked at", "natsd-js/store/recover.c", "\tif (s->offline)\n\t\treturn;\n\t/* One",
     "\tif (s->offline || !s->has_folder)\n\t\treturn;\n\t/* One", [MODEL]),
    ("second neighbour is not moved", "natsd-js/store/rewrite.c", "result = move_block(&m, s->blocks[i], err);",
     "result = i > at ? 0 : move_block(&m, s->blocks[i], err);", [CARE]),
    ("files of neighbours stay", "natsd-js/store/rewrite.c", "stream_gone_add(s, s->blocks[i]->number, damaged) != 0",
     "(i > at ? 0 : stream_gone_add(s, s->blocks[i]->number, damaged)) != 0", [CARE]),
    ("last sequence from nowhere", "natsd-js/store/state_file.c", "s->last_seq = r->seq;", "s->last_seq = 0;", [FAULTS]),
    ("time of the clock", "natsd-js/store/append.c", ".time = m->time < s->last_time ? s->last_time : m->time,", ".time = m->time,", [FAULTS]),
    ("small state not read back", "natsd-js/store/recover.c", "result = replay_small(s, &in);", "result = 0;", [FAULTS]),
    ("small state stands once", "natsd-js/store/state_file.c", "\tput_smalls(o);\n\tif", "\tstatic int k; if (k++ % 2 == 0) put_smalls(o);\n\tif", [FAULTS]),
    ("what a read finds does not count", "natsd-js/store/append.c", "\tblock_lost(b, seq);", "", [FAULTS]),
    ("nothing is set aside", "natsd-js/store/store.c", 'if (disk_rename(store->disk, store->top, "catalogue", quarantine, name) != 0) {',
     'if (disk_unlink(store->disk, store->top, "catalogue") != 0) {', [FAULTS]),
    ("one stream's error is everybody's", "natsd-js/store/checkpoint.c", "\t\tstream_fence(s, &j->err);",
     "\t\tfor (struct stream *o = store->all; o != NULL; o = o->next_all)\n\t\t\tstream_fence(o, &j->err);", [FAULTS]),
    ("half a removal is not in the journal", "natsd-js/store/remove.c", "\t\tput_range(s, p, first, done - 1);\n", "", [MODEL]),
]
COMMON = ["disk", "disk_posix", "disk_memory", "disk_memory_image", "disk_faulty", "journal", "journal_format", "journal_scan",
          "journal_segment", "journal_thread", "err", "buf", "mono", "doorbell", "subject", "utf8", "log", "wheel"]


def flags(*packages):
    return subprocess.run(["pkg-config", "--cflags", "--libs", *packages], capture_output=True, text=True, check=True).stdout.split()


def sources(top):
    store = os.path.join(top, "natsd-js", "store")
    yield from (os.path.join(top, "common", c + ".c") for c in COMMON)
    yield from (os.path.join(store, f) for f in sorted(os.listdir(store)) if f.endswith(".c") and f != "natsd-store.c")


def survives(build, work, tests):
    for test in tests:
        program = os.path.join(work, test)
        extra = [] if test in (JOURNAL, CARE, LARGE, FAULTS, "test_store_ids", "test_store_find") else [os.path.join(work, "tests/unit/store_model.c")]
        command = ["cc", "-std=gnu17", "-O1", "-w", "-I" + build, "-I" + work, *sources(work),
                   os.path.join(work, "tests/unit", test + ".c"), *extra, "-o", program,
                   *flags("check", "libxxhash"), "-llmdb", "-lpthread"]
        made = subprocess.run(command, capture_output=True, text=True)
        if made.returncode != 0:
            return "does not compile: " + made.stderr[:600]
        try:
            if subprocess.run([program], capture_output=True, timeout=300).returncode != 0:
                return None
        except subprocess.TimeoutExpired:
            return None
    return "survived " + ", ".join(tests)


def main():
    build, only = os.path.abspath(sys.argv[1]), sys.argv[2:]
    bad = 0
    with tempfile.TemporaryDirectory() as top:
        for name, path, old, new, tests in MUTANTS:
            if only and name not in only:
                continue
            work = os.path.join(top, "work")
            shutil.rmtree(work, ignore_errors=True)
            for folder in ("common", "natsd-js", "tests/unit"):
                shutil.copytree(os.path.join(TOP, folder), os.path.join(work, folder))
            with open(os.path.join(work, path), encoding="utf-8") as f:
                text = f.read()
            if text.count(old) != 1:
                why = "applies to %d places" % text.count(old)
            else:
                with open(os.path.join(work, path), "w", encoding="utf-8") as f:
                    f.write(text.replace(old, new))
                why = survives(build, work, tests)
            print("%s\t%s" % ("found" if why is None else "MISSED", name + ("" if why is None else ": " + why)), flush=True)
            bad += why is not None
    return 1 if bad or not MUTANTS else 0


sys.exit(main())
