package deltaic_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// castFlow rejects the four rows of its input of which s is no number.
const castFlow = `
name: f
checkpointLocation: DIR/state
trigger: {availableNow: true}
sources:
  r: {format: delta, path: DIR/in}
steps:
  s:
    from: r
    do:
      - select: ["id", "concat('v', s) AS txt", "s"]
      - select: ["id", "cast(s AS int) AS n", "txt"]
sinks:
  out: {from: s, format: delta, path: DIR/out}
quarantine: {path: DIR/quarantine}
`

// rejectedRows runs castFlow over 100 rows, and returns the folder.
func rejectedRows(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var rows strings.Builder
	for i := range 100 {
		s := fmt.Sprint(i)
		if i%25 == 0 {
			s = "x"
		}
		fmt.Fprintf(&rows, `{"id":%d,"k":%d,"s":"%s"}`+"\n", i, i%10, s)
	}
	if err := os.WriteFile(dir+"/in.json", []byte(rows.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	if code := command(t, "table", "append", dir+"/in", "--input", dir+"/in.json", "--create"); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if code := command(t, "run", flowFile(t, dir, castFlow), "--listen", "off"); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if waiting := waitingIn(t, dir); waiting != 4 {
		t.Fatalf("%d rows wait", waiting)
	}
	return dir
}

// replayedRows replays, and checks how many rows went back, stay, and were written.
func replayedRows(t *testing.T, dir string, back, unrepaired, waiting, out int, args ...string) {
	t.Helper()
	code, done := lines(t, append([]string{"quarantine", "replay", dir + "/quarantine"}, args...)...)
	if code != 0 || done[0]["replayed"] != float64(back) || done[0]["unrepaired"] != float64(unrepaired) {
		t.Fatalf("exit code %d, %v", code, done)
	}
	if n := waitingIn(t, dir); n != waiting {
		t.Errorf("%d rows wait, want %d", n, waiting)
	}
	rows := 0
	for _, n := range rowsOf(t, dir+"/out") {
		rows += n
	}
	if rows != out {
		t.Errorf("out has %d rows, want %d", rows, out)
	}
}

// A row that a repair cannot repair waits on as it is, for a better one.
func TestRepairThatFails(t *testing.T) {
	dir := rejectedRows(t)
	_, before := lines(t, "quarantine", "list", dir+"/quarantine", "--where", "record LIKE '%\"id\":5%' OR value LIKE '%\"id\":5%' OR true")
	replayedRows(t, dir, 0, 4, 4, 96, "--with", "CAST(CAST(s AS INT) AS STRING) AS s")
	replayedRows(t, dir, 2, 2, 2, 98, "--with", "CASE WHEN id < 50 THEN '1' ELSE CAST(CAST(s AS INT) AS STRING) END AS s")
	_, after := lines(t, "quarantine", "list", dir+"/quarantine", "--all")
	if len(after) != len(before) {
		t.Errorf("%d rows in the quarantine, want %d: none is new", len(after), len(before))
	}
	replayedRows(t, dir, 2, 0, 0, 100, "--with", "'7' AS s -- whatever it was")
}

// Rows of other columns than their step is given now are refused by name, unless the repair makes the columns.
func TestReplayOfOtherColumns(t *testing.T) {
	dir := rejectedRows(t)
	refused := func(flow, want string, args ...string) {
		t.Helper()
		flowFile(t, dir, flow)
		code, failed := lines(t, append([]string{"quarantine", "replay", dir + "/quarantine"}, args...)...)
		if code != 3 || failed[0]["class"] != "QUARANTINE_NOT_REPLAYABLE" || !strings.Contains(fmt.Sprint(failed[0]["message"]), want) {
			t.Errorf("exit code %d, %v; want %s", code, failed, want)
		}
		if n := waitingIn(t, dir); n != 4 {
			t.Errorf("%d rows wait", n)
		}
	}
	renamed := strings.NewReplacer(`AS txt"`, `AS label"`, `AS int) AS n", "txt"`, `AS int) AS n", "label AS txt"`, "cast(", "try_cast(").Replace(castFlow)
	refused(renamed, "it lacks label, and it has txt besides")
	refused(renamed, "it lacks label", "--with", "'3' AS s")
	refused(strings.Replace(castFlow, `, "s"]`, `, "s", "k"]`, 1), "it lacks k")
	refused(strings.NewReplacer(`"concat('v', s) AS txt", `, "", `, "txt"]`, `, "'t' AS txt"]`).Replace(castFlow), "it has txt besides")
	flowFile(t, dir, renamed)
	replayedRows(t, dir, 4, 0, 0, 100, "--with", "concat('v', s) AS label")
}

// A condition is one by itself: what it says cannot reach beyond it.
func TestReplayConditions(t *testing.T) {
	dir := rejectedRows(t)
	replayedRows(t, dir, 1, 0, 3, 97, "--with", "'7' AS s", "--where", "record LIKE '%\"id\":25,%' -- one of them")
	for _, where := range []string{"1=1) OR (1=1", "nothing = 1", "id", "1 = 1 /*"} {
		for _, verb := range []string{"list", "replay"} {
			code, failed := lines(t, "quarantine", verb, dir+"/quarantine", "--where", where)
			if code != 3 || where == "1=1) OR (1=1" && (failed[0]["class"] != "PARSE_SYNTAX_ERROR" || failed[0]["column"] != 4.0) {
				t.Errorf("%s --where %s: exit code %d, %v", verb, where, code, failed)
			}
		}
	}
	if n := waitingIn(t, dir); n != 3 {
		t.Errorf("%d rows wait", n)
	}
	for _, verb := range []string{"list", "replay"} {
		if code, failed := lines(t, "quarantine", verb, dir+"/in"); code != 3 || failed[0]["class"] != "QUARANTINE_NOT_REPLAYABLE" {
			t.Errorf("%s of another table: exit code %d, %v", verb, code, failed)
		}
	}
}

// A row that was rejected when it was taken back goes back as that.
func TestReplayOfChanges(t *testing.T) {
	dir := t.TempDir()
	run := func(input string, args ...string) {
		t.Helper()
		if input != "" {
			if err := os.WriteFile(dir+"/in.json", []byte(input), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if code := command(t, args...); code != 0 {
			t.Fatalf("%v: exit code %d", args, code)
		}
	}
	flow := flowFile(t, dir, `
name: f
checkpointLocation: DIR/state
trigger: {availableNow: true}
sources:
  r: {format: delta, path: DIR/in}
steps:
  s:
    from: r
    do:
      - select: ["k", "cast(s AS int) AS n"]
      - aggregate: {groupBy: [k], agg: ["count(*) AS rows", "sum(n) AS n"]}
sinks:
  out: {from: s, format: delta, path: DIR/out, outputMode: update, keys: [k]}
quarantine: {path: DIR/quarantine}
`)
	run(`{"id":1,"k":1,"s":"x"}
{"id":2,"k":1,"s":"5"}
{"id":3,"k":2,"s":"x"}
`, "table", "append", dir+"/in", "--input", dir+"/in.json", "--create")
	run("", "run", flow, "--listen", "off")
	run(`{"id":1,"k":3,"s":"x"}`+"\n", "table", "append", dir+"/in", "--input", dir+"/in.json", "--mode", "overwrite", "--replace-where", "id = 1")
	run("", "run", flow, "--listen", "off")
	_, waiting := lines(t, "quarantine", "list", dir+"/quarantine", "--where", "change_type = 'delete'")
	all := waitingIn(t, dir)
	if len(waiting) == 0 {
		t.Fatalf("%d rows wait, of which taken back: %v", all, waiting)
	}
	code, done := lines(t, "quarantine", "replay", dir+"/quarantine", "--with", "'7' AS s")
	if code != 0 || done[0]["replayed"] != float64(all) {
		t.Fatalf("exit code %d, %v", code, done)
	}
	wantRows(t, dir+"/out", `{"k":1,"rows":1,"n":5}`, `{"k":2,"rows":1,"n":7}`, `{"k":3,"rows":1,"n":7}`)
}

// TestReplayNoticesAFlowThatRuns: a flow that serves nothing is noticed too, and goes on undisturbed; once it is killed its rows can go back.
func TestReplayNoticesAFlowThatRuns(t *testing.T) {
	dir, k := rejectedRows(t), newKilled(t, 0, 11)
	file := dir + "/flow.yaml"
	c := k.command("run", file, "--listen", "off", "--trigger", "processingTime=10 ms")
	out := &killedCommandOutput{}
	c.Stdout, c.Stderr = out, out
	before := commitsTo(dir + "/state/ledger")
	must(t, c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for deadline := time.Now().Add(time.Minute); commitsTo(dir+"/state/ledger") == before; <-time.After(time.Millisecond) {
		select {
		case err := <-ended:
			t.Fatal("the flow has ended: ", err, out.text())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("the flow does not start: ", out.text())
		}
	}
	if code, said := lines(t, "quarantine", "replay", dir+"/quarantine", "--with", "'7' AS s"); code == 0 || said[0]["class"] != "STREAM_IS_RUNNING" {
		t.Errorf("exit code %d, %v", code, said)
	}
	select {
	case err := <-ended:
		t.Fatal("the flow was disturbed: ", err, out.text())
	default:
	}
	must(t, c.Process.Kill())
	<-ended
	replayedRows(t, dir, 4, 0, 0, 100, "--with", "'7' AS s")
}
