package deltaic_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// within runs a command of this binary, under make faults by root in a control group that would end it if it took more bytes.
func within(t *testing.T, k *killedCommand, group int64, args ...string) (said string, err error) {
	t.Helper()
	c := k.command(args...)
	if whole(0, 1) == 1 && os.Geteuid() == 0 {
		inside := exec.CommandContext(t.Context(), "benchmarks/state/within", fmt.Sprint(group), os.Args[0])
		inside.Env = c.Env
		c = inside
	}
	out, err := c.CombinedOutput()
	return string(out), err
}

// groupDir is t.TempDir of a test that runs commands in control groups. It is no file system in memory: a group counts what its processes write there.
func groupDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var of syscall.Statfs_t
	const tmpfs = 0x01021994
	if whole(0, 1) == 1 && syscall.Statfs(dir, &of) == nil && of.Type == tmpfs {
		t.Skip("the folder of temporary files is in memory: TMPDIR must name another")
	}
	return dir
}

// TestAnAggregateLargerThanMemory lets one group grow far beyond memory_limit, under make faults to 512 MB in a control group: distinct values go
// below memory, and a list, alone or beside others, is refused by its name, its group and what to do, while another flow of the process goes on.
func TestAnAggregateLargerThanMemory(t *testing.T) {
	rows, limit, group := int64(whole(24_000, 524_288)), whole(16, 256), int64(whole(320, 1024))<<20 // of 1 KiB each
	dir, k := groupDir(t), newKilled(t, 0, 9)
	writeOrders(t, dir+"/orders", rows, false)
	share := func(n int) string { return fmt.Sprintf("size(collect_list(v) FILTER (WHERE n %% 8 = %d))", n) }
	var shares []string
	for n := range 8 {
		shares = append(shares, share(n))
	}
	for name, c := range map[string]struct{ aggregate, want string }{
		"distinct": {"count(DISTINCT v)", ""},
		"list":     {"size(collect_list(v))", "collect_list(v)"},
		"set":      {"size(collect_set(v))", "collect_set(v)"},
		"lists":    {strings.Join(shares, " + "), "collect_list(v) FILTER"},
	} {
		t.Run(name, func(t *testing.T) {
			place := dir + "/" + name
			must(t, os.Mkdir(place, 0o755))
			file := flowFile(t, place, fmt.Sprintf(`
name: one
checkpointLocation: DIR/one
trigger: {availableNow: true}
configuration: {memory_limit: %[1]dMB}
sources:
  orders: {format: delta, path: %[2]s}
steps:
  group:
    from: orders
    do:
      - select: ["1 AS k", "n", "lpad(CAST(n AS STRING), 1024, 'x') AS v"]
      - aggregate: {name: group, groupBy: [k], agg: ["%[3]s AS a"]}
sinks:
  out: {from: group, format: delta, path: DIR/out, outputMode: update, keys: [k]}
---
name: other
checkpointLocation: DIR/other
trigger: {availableNow: true}
configuration: {memory_limit: 16MB}
sources:
  orders: {format: delta, path: %[2]s, options: {maxFilesPerTrigger: 1}}
steps:
  sums:
    from: orders
    do:
      - aggregate: {name: sums, groupBy: ["n %% 2 AS k"], agg: ["count(*) AS c", "sum(n) AS s"]}
sinks:
  out: {from: sums, format: delta, path: DIR/sums, outputMode: update, keys: [k]}
`, limit, dir+"/orders", c.aggregate))
			said, err := within(t, k, group, "run", file, "--listen", "off", "--json")
			if c.want == "" {
				if got := rowsOf(t, place+"/out"); err != nil || got[fmt.Sprintf(`{"k":1,"a":%d}`, rows)] != 1 {
					t.Errorf("%v: %v: %s", got, err, said)
				}
			} else {
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.ExitCode() != 1 {
					t.Errorf("%v: %s", err, said)
				}
				for _, want := range []string{"COLLECTION_SIZE_LIMIT_EXCEEDED", "step group", c.want, `{\"k\":1}`, fmt.Sprintf("%d MiB", min(64, limit/4)), "raise memory_limit"} {
					if !strings.Contains(said, want) {
						t.Errorf("it does not say %q: %s", want, said)
					}
				}
			}
			half := rows / 2
			got := rowsOf(t, place+"/sums")
			for _, want := range []string{fmt.Sprintf(`{"k":0,"c":%d,"s":%d}`, half, half*(half-1)), fmt.Sprintf(`{"k":1,"c":%d,"s":%d}`, half, half*half)} {
				if got[want] != 1 {
					t.Errorf("the other flow has %v, not %s", got, want)
				}
			}
		})
	}
}
