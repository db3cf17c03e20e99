# One operation of Spark with Delta on one table, timed: settings as a line of JSON in, an answer as a line of JSON out, as deltars.py has
# them. Starting the session, and a first small query that loads what every query needs, are not timed. Processor time and memory are
# those of the Java process. Of a table Spark loads only what is asked: counting comes on top of opening, as "told" says.
import json, os, sys, time
import engines

settings = json.loads(sys.stdin.readline())
spark = engines.spark()
java = spark.sparkContext._gateway.proc.pid
tick = os.sysconf("SC_CLK_TCK")

def peak():
    for line in open(f"/proc/{java}/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) << 10
    return 0

def cpu():
    fields = open(f"/proc/{java}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / tick

def log_of(path):
    return spark._jvm.org.apache.spark.sql.delta.DeltaLog.forTable(spark._jsparkSession, path)

def tell(path, a):
    started = time.perf_counter()
    snapshot = log_of(path).unsafeVolatileSnapshot()
    a["files"], a["version"] = snapshot.numOfFiles(), snapshot.version()
    a["rows"] = spark.sql(f"SELECT count(*) FROM delta.`{path}`").collect()[0][0]
    a["told"] = time.perf_counter() - started

def open_log(s, a):
    started = time.perf_counter()
    log = log_of(s["path"])
    log.unsafeVolatileSnapshot().protocol()
    a["seconds"] = time.perf_counter() - started
    return log

def do_open(s, a):
    open_log(s, a)
    tell(s["path"], a)

def do_refresh(s, a):
    log = open_log(s, a)
    none = spark._jvm.scala.Option.apply(None)
    a["each"] = []
    for path, text in zip(s["names"], s["commits"]):
        with open(os.path.join(s["path"], path), "w") as f:
            f.write(text)
        started = time.perf_counter()
        log.update(False, none, none)
        a["each"].append(time.perf_counter() - started)
    tell(s["path"], a)

def do_append(s, a):
    a["each"] = []
    for i in range(s["appends"]):
        started = time.perf_counter()
        rows = spark.createDataFrame([(1, "appended", "2026-01-01")], "id BIGINT, name STRING, day STRING")
        rows.write.format("delta").mode("append").save(s["path"])
        took = time.perf_counter() - started
        if i == 0:
            a["seconds"] = took
        else:
            a["each"].append(took)
    a["peak_rss_bytes"] = peak() # of appending; counting comes after it
    tell(s["path"], a)

def do_checkpoint(s, a):
    started = time.perf_counter()
    log = log_of(s["path"])
    log.checkpoint()
    a["seconds"] = time.perf_counter() - started
    a["version"] = log.unsafeVolatileSnapshot().version()

def do_scan(s, a):
    rows = spark.read.format("delta").load(s["path"])
    before, started = cpu(), time.perf_counter()
    rows.write.format("noop").mode("overwrite").save() # every column of every row
    a["seconds"], a["cpu_seconds"] = time.perf_counter() - started, cpu() - before
    a["rows"], a["sum"] = rows.selectExpr("count(*)", "sum(id)").collect()[0]

spark.range(1000).selectExpr("sum(id)").collect()
answer = {"peak_rss_bytes": 0, "engine": "Spark " + spark.version, "start_rss_bytes": peak()}
before = cpu()
globals()["do_" + settings["do"]](settings, answer)
answer.setdefault("cpu_seconds", cpu() - before)
answer["peak_rss_bytes"] = answer["peak_rss_bytes"] or peak()
print(json.dumps(answer), flush=True)
