package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// asProgram makes the test binary the program itself, for tests that kill it.
const asProgram = "DELTAIC_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	testscript.Main(m, map[string]func(){"deltaic": main})
}

// orders are the records of the topic of the scripts: 100, of which two are
// duplicates and one is broken.
func orders(t *testing.T) (brokers string) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "orders"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	brokers = cluster.ListenAddrs()[0]
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i := range 100 {
		value := fmt.Sprintf(`{"id":%d,"region":"%s","amount":%d.50}`, i, []string{"north", "south"}[i%2], i)
		switch i {
		case 50, 51:
			value = strings.Replace(value, fmt.Sprintf(`"id":%d`, i), `"id":7`, 1)
		case 60:
			value = `{"id":`
		}
		if err := client.ProduceSync(context.Background(), &kgo.Record{Topic: "orders", Partition: int32(i % 2), Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return brokers
}

func TestScripts(t *testing.T) {
	brokers := orders(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("KAFKA_BROKERS", brokers)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, negated bool, args []string){"exits": exits, "keys": keys, "lines": lines, "damage": damageState},
	})
}

// exits CODE COMMAND ARG... runs a command and holds its exit code against CODE.
func exits(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if want, err := strconv.Atoi(args[0]); err != nil || code != want {
		ts.Fatalf("exit code %d, want %s\n%s", code, args[0], ts.ReadFile("stderr"))
	}
}

// damageState FOLDER, as damage, changes a byte of the first state file below it.
func damageState(ts *testscript.TestScript, _ bool, args []string) {
	found := fmt.Errorf("no state file below %s", args[0])
	_ = filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".dsf" {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil {
			data[len(data)/2] ^= 1
			found = os.WriteFile(path, data, 0o600)
		}
		return filepath.SkipAll
	})
	ts.Check(found)
}

// keys FILE KEY... holds the keys of the last JSON object in FILE against the
// list: exactly these, in this order.
func keys(ts *testscript.TestScript, negated bool, args []string) {
	all := strings.Split(strings.TrimSpace(ts.ReadFile(args[0])), "\n")
	d := json.NewDecoder(strings.NewReader(all[len(all)-1]))
	var found []string
	depth := 0
	for key := true; ; {
		token, err := d.Token()
		if err != nil {
			break
		}
		switch v := token.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				depth++
			} else {
				depth--
			}
			key = true
			continue
		case string:
			if depth == 1 && key {
				found = append(found, v)
				key = false
				continue
			}
		}
		if depth == 1 {
			key = true
		}
	}
	if got, want := strings.Join(found, " "), strings.Join(args[1:], " "); (got == want) == negated {
		ts.Fatalf("keys of %s are\n%s\nwant\n%s", args[0], got, want)
	}
}

// lines N FILE counts the lines of a file.
func lines(ts *testscript.TestScript, _ bool, args []string) {
	if got := strings.Count(ts.ReadFile(args[1]), "\n"); strconv.Itoa(got) != args[0] {
		ts.Fatalf("%s has %d lines, want %s", args[1], got, args[0])
	}
}
