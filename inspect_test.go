package deltaic_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/node"
	"github.com/deltaic/deltaic/stream"
)

// lines runs a command with --json and returns its exit code and the objects that it prints.
func lines(t *testing.T, args ...string) (int, []map[string]any) {
	t.Helper()
	var out, failed bytes.Buffer
	env := deltaic.Env()
	env.Stdout, env.Stderr = &out, &failed
	code := node.Main(t.Context(), append(args, "--json"), env)
	var objects []map[string]any
	for d := json.NewDecoder(&out); d.More(); {
		var o map[string]any
		if err := d.Decode(&o); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		objects = append(objects, o)
	}
	if code != 0 && len(objects) == 0 {
		var o map[string]any
		if err := json.Unmarshal(failed.Bytes(), &o); err != nil {
			t.Fatalf("%v says %q on stderr", args, failed.String())
		}
		objects = append(objects, o["error"].(map[string]any))
	}
	return code, objects
}

// findings runs fsck and returns what it finds, as "kind path".
func findings(t *testing.T, location string) (int, []string) {
	t.Helper()
	code, objects := lines(t, "fsck", location)
	if len(objects) != 1 {
		t.Fatalf("fsck prints %v", objects)
	}
	found := []string{}
	for _, f := range objects[0]["findings"].([]any) {
		o := f.(map[string]any)
		_, versioned := o["version"]
		if o["message"] == "" || o["repairable"] != (o["kind"] == "orphan") || !versioned {
			t.Errorf("finding %v", o)
		}
		found = append(found, fmt.Sprint(o["kind"], " ", o["path"]))
	}
	if objects[0]["ok"] != (code == 0) {
		t.Errorf("ok is %v, the exit code %d", objects[0]["ok"], code)
	}
	return code, found
}

// TestStateCommands: list, read and diff tell what a flow keeps, at each epoch that can be gone back to.
func TestStateCommands(t *testing.T) {
	f := newTwoTables(t)
	at := f.at("checkpoint")
	for range 2 {
		f.add(60)
		f.mustRun()
	}
	code, tables := lines(t, "state", "list", at)
	if code != 0 || len(tables) != 1 {
		t.Fatalf("state list ends with %d and prints %v", code, tables)
	}
	for _, key := range []string{"step", "table", "schema_version", "key_groups", "rows", "bytes", "bound"} {
		if _, there := tables[0][key]; !there {
			t.Errorf("state list prints no %s", key)
		}
	}
	counts := func(epoch string) map[string]any {
		n := map[string]any{}
		_, rows := lines(t, "state", "read", at, "--step", "per-user", "--epoch", epoch)
		for _, r := range rows {
			n[fmt.Sprint(r["key"])] = r["value"]
			if r["step"] != "per-user" || r["expires"] != nil || r["key_group"] == nil {
				t.Errorf("state read prints %v", r)
			}
		}
		return n
	}
	_, _, e := f.entry()
	before, after := counts("1"), counts(fmt.Sprint(e.Epoch))
	if len(before) == 0 || float64(len(after)) != tables[0]["rows"] || reflect.DeepEqual(before, after) {
		t.Fatalf("%d rows at epoch 1, %d at %d, state list says %v", len(before), len(after), e.Epoch, tables[0]["rows"])
	}
	code, changes := lines(t, "state", "diff", at, "--from", "1", "--to", fmt.Sprint(e.Epoch))
	if code != 0 || len(changes) == 0 {
		t.Fatalf("state diff ends with %d and prints %v", code, changes)
	}
	for _, c := range changes {
		key := fmt.Sprint(c["key"])
		if !reflect.DeepEqual(c["before"], before[key]) || !reflect.DeepEqual(c["after"], after[key]) || (c["change"] == "insert") != (before[key] == nil) {
			t.Errorf("state diff prints %v, the epochs have %v and %v", c, before[key], after[key])
		}
		before[key] = after[key]
	}
	if !reflect.DeepEqual(before, after) {
		t.Errorf("what changed leads to %v, not to %v", before, after)
	}
	for class, args := range map[string][]string{
		"EPOCH_NOT_KEPT":        {"state", "list", at, "--epoch", "999"},
		"STATE_TABLE_NOT_FOUND": {"state", "read", at, "--step", "per-nobody"},
		"LEDGER_NOT_FOUND":      {"state", "list", t.TempDir()},
	} {
		if code, failed := lines(t, args...); code != 1 || failed[0]["class"] != class || failed[0]["hint"] == nil {
			t.Errorf("%v ends with %d and says %v", args, code, failed)
		}
	}
	for _, args := range [][]string{{"state", "diff", at, "--from", "1"}, {"state", "read", at}, {"state", "read", at, "--step", "per-user", "--key", "7"}} {
		if code, _ := lines(t, args...); code != 2 {
			t.Errorf("%v ends with %d, want 2", args, code)
		}
	}
}

// TestFsck names what is lost, what is damaged and what nobody needs, and nothing else.
func TestFsck(t *testing.T) {
	f := newTwoTables(t)
	at := f.at("checkpoint")
	for range 3 {
		f.add(60)
		f.mustRun()
	}
	want := func(what string, code int, found ...string) {
		t.Helper()
		if gotCode, got := findings(t, at); gotCode != code || strings.Join(got, "\n") != strings.Join(found, "\n") {
			t.Errorf("%s: fsck ends with %d and finds %q, want %d and %q", what, gotCode, got, code, found)
		}
	}
	want("a whole location", 0) // the files of epochs that can be gone back to are no orphans
	_, _, e := f.entry()
	orphan := "state/" + e.Incarnation + "/per-user/1-1-0-256-left.dsf"
	if err := os.WriteFile(filepath.Join(at, orphan), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	want("a file that a dead process left", 0, "orphan "+orphan)
	m := e.Manifest
	if m == nil {
		t.Fatal("the manifest is not in the ledger")
	}
	name := m.State[len(m.State)-1].Name
	path := filepath.Join(at, name)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(whole)
	damaged[len(damaged)/2] ^= 1
	if err := os.WriteFile(path, damaged, 0o644); err != nil {
		t.Fatal(err)
	}
	want("a state file with a bit turned", 1, "corrupt "+name, "orphan "+orphan)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	want("a state file that is gone", 1, "missing "+name, "orphan "+orphan)
	if err := os.WriteFile(path, whole, 0o644); err != nil {
		t.Fatal(err)
	}
	f.add(60)
	f.mustRun() // the next start removes what nobody needs
	want("after the next start", 0)
}

// TestRetentionByTime: young epochs can be gone back to however many they are, until a start that does not ask for it.
func TestRetentionByTime(t *testing.T) {
	f := newTwoTables(t)
	f.options = []stream.Option{stream.MinBatchesToRetain(2), stream.MinTimeToRetain(time.Hour)}
	readable := func() (n int) {
		_, _, e := f.entry()
		for epoch := range e.Epoch {
			if code, _ := lines(t, "state", "list", f.at("checkpoint"), "--epoch", fmt.Sprint(epoch+1)); code == 0 {
				n++
			}
		}
		return n
	}
	for range 12 {
		f.add(20)
		f.mustRun()
	}
	if n := readable(); n < 12 {
		t.Fatalf("the state of %d epochs can be read", n)
	}
	f.options = f.options[:1]
	f.add(20)
	f.mustRun()
	if n := readable(); n >= 12 {
		t.Errorf("the state of %d epochs can be read still", n)
	}
	if code, found := findings(t, f.at("checkpoint")); code != 0 || len(found) > 0 {
		t.Errorf("fsck ends with %d and finds %q", code, found)
	}
}

// TestTableFsck: what is wrong with a table is told as cli.md has it, in text too, and what lies about leaves it sound.
func TestTableFsck(t *testing.T) {
	dir := t.TempDir()
	table := filepath.Join(dir, "orders")
	input := filepath.Join(dir, "new.json")
	if err := os.WriteFile(input, []byte(`{"id":1}`+"\n"+`{"id":2}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if code := command(t, "table", "append", table, "--input", input, "--create"); code != 0 {
		t.Fatalf("append ends with %d", code)
	}
	if err := os.WriteFile(filepath.Join(table, "part-of-nobody.parquet"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	want := func(code int, kinds ...string) {
		t.Helper()
		got, objects := lines(t, "table", "fsck", table)
		if got != code || len(objects) != 1 || objects[0]["ok"] != (code == 0) {
			t.Fatalf("fsck ends with %d: %v", got, objects)
		}
		var found []string
		for _, f := range objects[0]["findings"].([]any) {
			o := f.(map[string]any)
			for _, key := range []string{"kind", "path", "version", "message", "repairable"} {
				if _, there := o[key]; !there {
					t.Errorf("%v lacks %s", o, key)
				}
			}
			found = append(found, fmt.Sprint(o["kind"], " ", o["version"], " ", o["repairable"]))
		}
		if strings.Join(found, ", ") != strings.Join(kinds, ", ") {
			t.Errorf("found %q, want %q", found, kinds)
		}
	}
	want(0, "orphan <nil> true")
	files, err := filepath.Glob(table + "/part-0*.parquet")
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	want(1, "orphan <nil> true", "data_file_missing 1 false")
	var out bytes.Buffer
	env := deltaic.Env()
	env.Stdout = &out
	if code := node.Main(t.Context(), []string{"table", "fsck", table}, env); code != 1 || !strings.Contains(out.String(), "data_file_missing  part-0") {
		t.Errorf("fsck ends with %d and says %s", code, out.String())
	}
	if code, failed := lines(t, "table", "fsck", filepath.Join(dir, "nothing")); code != 1 || failed[0]["class"] != "DELTA_TABLE_NOT_FOUND" {
		t.Errorf("fsck of nothing ends with %d: %v", code, failed)
	}
}
