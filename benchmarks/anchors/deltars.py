# One operation of delta-rs on one table, timed: settings as a line of JSON in, an answer as a line of JSON out.
# Imports are not timed. "seconds" is what the suite compares; "told" is how long it took after that to count files and rows.
import json, os, sys, time
import deltalake, pyarrow, pyarrow.compute

def peak():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) << 10
    return 0

def count(table):
    adds = table.get_add_actions()
    total = pyarrow.compute.sum(pyarrow.chunked_array(adds.column("num_records"))).as_py()
    return adds.num_rows, total or 0

def open_table(s, a):
    started = time.perf_counter()
    table = deltalake.DeltaTable(s["path"])
    a["seconds"] = time.perf_counter() - started
    return table

def tell(table, a):
    started = time.perf_counter()
    a["files"], a["rows"] = count(table)
    a["told"] = time.perf_counter() - started
    a["version"] = table.version()

def do_open(s, a):
    tell(open_table(s, a), a)

def do_refresh(s, a):
    table = open_table(s, a)
    a["each"] = []
    for path, text in zip(s["names"], s["commits"]):
        with open(os.path.join(s["path"], path), "w") as f:
            f.write(text)
        started = time.perf_counter()
        table.update_incremental()
        a["each"].append(time.perf_counter() - started)
    tell(table, a)

def do_append(s, a):
    columns = {"id": pyarrow.array([1], pyarrow.int64()), "name": pyarrow.array(["appended"]), "day": pyarrow.array(["2026-01-01"])}
    rows = pyarrow.table(columns)
    a["each"] = []
    started = time.perf_counter()
    table = deltalake.DeltaTable(s["path"])
    for i in range(s["appends"]):
        if i > 0:
            started = time.perf_counter()
        deltalake.write_deltalake(table, rows, mode="append")
        took = time.perf_counter() - started
        if i == 0:
            a["seconds"] = took
        else:
            a["each"].append(took)
    a["peak_rss_bytes"] = peak() # of appending; counting comes after it
    tell(deltalake.DeltaTable(s["path"]), a)

def do_checkpoint(s, a):
    started = time.perf_counter()
    table = deltalake.DeltaTable(s["path"])
    table.create_checkpoint()
    a["seconds"] = time.perf_counter() - started
    a["version"] = table.version()

def do_scan(s, a):
    table = deltalake.DeltaTable(s["path"])
    cpu, started = time.process_time(), time.perf_counter()
    if s["by"] == "query":
        reader = deltalake.QueryBuilder().register("t", table).execute("SELECT * FROM t")
        batches = (pyarrow.record_batch(b) for b in reader)
    else:
        batches = table.to_pyarrow_dataset().to_batches()
    rows = total = 0
    for b in batches:
        rows += b.num_rows
        total += pyarrow.compute.sum(b.column("id")).as_py() or 0
    a["seconds"], a["cpu_seconds"] = time.perf_counter() - started, time.process_time() - cpu
    a["rows"], a["sum"] = rows, total

settings = json.loads(sys.stdin.readline())
answer = {"peak_rss_bytes": 0, "engine": "delta-rs " + deltalake.__version__, "start_rss_bytes": peak()}
cpu = time.process_time()
globals()["do_" + settings["do"]](settings, answer)
answer.setdefault("cpu_seconds", time.process_time() - cpu)
answer["peak_rss_bytes"] = answer["peak_rss_bytes"] or peak()
print(json.dumps(answer), flush=True)
