package deltaic_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestMemoryHoldsUnderKeys counts by far more keys than memory_limit has room for, and by keys of which one has nine rows of ten: results are
// right and the process stays small. Under make faults there are 10 M keys, in a control group that would end a process of more.
func TestMemoryHoldsUnderKeys(t *testing.T) {
	rows := int64(whole(400_000, 10_000_000))
	if raced {
		rows = 50_000
	}
	limit, group := whole(16, 256), int64(whole(320, 1024))<<20
	dir, k := groupDir(t), newKilled(t, 0, 9)
	writeOrders(t, dir+"/orders", rows, false)
	for name, key := range map[string]string{"distinct": "n", "hot": "CASE WHEN n % 10 = 0 THEN n ELSE -1 END"} {
		t.Run(name, func(t *testing.T) {
			place := dir + "/" + name
			must(t, os.Mkdir(place, 0o755))
			file := flowFile(t, place, fmt.Sprintf(`
name: keys
checkpointLocation: DIR/state
trigger: {availableNow: true}
configuration: {memory_limit: %dMB}
sources:
  orders: {format: delta, path: %s}
steps:
  sums:
    from: orders
    do:
      - aggregate: {name: sums, groupBy: ["%s AS k"], agg: ["count(*) AS c", "sum(n) AS s"]}
      - where: "k %% 1000 = 0 OR k < 0"
sinks:
  out: {from: sums, format: delta, path: DIR/out, outputMode: update, keys: [k]}
`, limit, dir+"/orders", key))
			c := k.command("run", file, "--listen", "off", "--json")
			if whole(0, 1) == 1 && os.Geteuid() == 0 {
				inside := exec.CommandContext(t.Context(), "benchmarks/state/within", fmt.Sprint(group), os.Args[0])
				inside.Env = c.Env
				c = inside
			}
			out, err := c.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			var said struct {
				Peak int64 `json:"peak_rss_bytes"`
			}
			must(t, json.Unmarshal(out[:strings.IndexByte(string(out), '\n')+1], &said))
			if said.Peak > group && !raced { // the race detector has a memory of its own, some times that of the process
				t.Errorf("the process grew to %d bytes under a memory_limit of %d MB, want %d at most", said.Peak, limit, group)
			}
			want := map[string]int{}
			for n := int64(0); n < rows; n++ {
				if name == "distinct" && n%1000 == 0 || name == "hot" && n%1000 == 0 {
					want[fmt.Sprintf(`{"k":%d,"c":1,"s":%d}`, n, n)]++
				}
			}
			if name == "hot" {
				c, s := int64(0), int64(0)
				for n := range rows {
					if n%10 != 0 {
						c, s = c+1, s+n
					}
				}
				want[fmt.Sprintf(`{"k":-1,"c":%d,"s":%d}`, c, s)]++
			}
			got := rowsOf(t, place+"/out")
			for row := range want {
				if got[row] != 1 {
					t.Fatalf("%s is there %d times", row, got[row])
				}
			}
			if len(got) != len(want) {
				t.Errorf("%d rows, want %d", len(got), len(want))
			}
		})
	}
}
