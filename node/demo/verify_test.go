package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func mustVerify(t *testing.T, dir string) Report {
	t.Helper()
	r, err := Verify(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestVerifyCleanDemo(t *testing.T) {
	c := craft()
	dir := c.write(t)
	r := mustVerify(t, dir)
	if !r.OK || len(r.Findings) > 0 || len(r.Notes) > 0 || r.Epoch != 3 {
		t.Fatalf("%+v", r)
	}
	if r.Tables[0].Expected != 4050 || r.Tables[0].Found != 4050 || r.Positions["orders/2"] != 1100 {
		t.Errorf("%+v", r)
	}
	if r.Tables[1].Expected < 3800 || r.Tables[1].Expected > 4010 || r.Tables[2].Expected < 10 || r.Tables[2].Expected > 100 {
		t.Errorf("silver and quarantine: %+v", r.Tables)
	}
	if r.Tables[3].Expected != 10 || r.Tables[4].Expected < 10 || r.Tables[4].Expected > 100 {
		t.Errorf("gold and late: %+v", r.Tables)
	}
	if err := RecordStop(dir); err != nil {
		t.Fatal(err)
	}
	if r := mustVerify(t, dir); !r.OK {
		t.Errorf("behind a clean stop: %v", r.Findings)
	}
}

// Every kind of damage is found, counted and named.
func TestVerifyNamesDamage(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(*crafted)
		after  func(t *testing.T, dir string) // on the files, behind a clean stop
		table  string
		counts [3]int64 // missing, doubled, wrong
		says   string
	}{
		{name: "bronze row removed", damage: func(c *crafted) { c.bronze[1] = c.bronze[1][1:] }, table: Bronze, counts: [3]int64{1, 0, 0}, says: "missing: the record of partition 1 offset 120"},
		{name: "silver row removed", damage: func(c *crafted) { c.silver[0] = c.silver[0][1:] }, table: Silver, counts: [3]int64{1, 0, 0}, says: "missing: order o-0-0"},
		{name: "bronze row doubled", damage: func(c *crafted) { c.bronze[2] = append(c.bronze[2], c.bronze[0][7]) }, table: Bronze, counts: [3]int64{0, 1, 0}, says: "partition 0 offset 7 once more"},
		{name: "silver row doubled", damage: func(c *crafted) { c.silver[2] = append(c.silver[2], c.silver[0][0]) }, table: Silver, counts: [3]int64{0, 1, 0}, says: "order o-0-0 once more"},
		{name: "bronze value altered", damage: func(c *crafted) { c.bronze[0][5].Value += " " }, table: Bronze, counts: [3]int64{0, 0, 1}, says: "altered: value is"},
		{name: "bronze timestamp altered", damage: func(c *crafted) { c.bronze[0][5].Timestamp = c.bronze[0][6].Timestamp }, table: Bronze, counts: [3]int64{0, 0, 1}, says: "altered: timestamp is"},
		{name: "silver amount altered", damage: func(c *crafted) { c.silver[1][3].Amount++ }, table: Silver, counts: [3]int64{0, 0, 1}, says: "altered: amount is"},
		{name: "silver item altered", damage: func(c *crafted) { c.silver[1][3].Items[0].Quantity++ }, table: Silver, counts: [3]int64{0, 0, 1}, says: "altered: items is"},
		{name: "row moved to another partition", damage: func(c *crafted) { c.bronze[0][5].Partition = 3 }, table: Bronze, counts: [3]int64{1, 0, 1}, says: "the row of partition 3 offset 5 holds the record of partition 0 offset 5: moved"},
		{name: "row moved to another offset", damage: func(c *crafted) { c.bronze[0][5].Offset = 5000 }, table: Bronze, counts: [3]int64{1, 0, 1}, says: "committed position of the partition is 1000"},
		{name: "quarantine row dropped", damage: func(c *crafted) { c.quarantine[1] = c.quarantine[1][1:] }, table: Quarantine, counts: [3]int64{1, 0, 0}, says: "table quarantine: missing: the record of"},
		{name: "quarantine row doubled", damage: func(c *crafted) { c.quarantine[1] = append(c.quarantine[1], c.quarantine[0][0]) }, table: Quarantine, counts: [3]int64{0, 1, 0}, says: "once more"},
		{name: "quarantine without error", damage: func(c *crafted) { c.quarantine[1][0].Error = "" }, table: Quarantine, counts: [3]int64{0, 0, 1}, says: "no error"},
		{name: "good record in quarantine", damage: func(c *crafted) {
			r := c.bronze[0][0]
			c.quarantine[0] = append(c.quarantine[0], brokenRow{r.Topic, r.Partition, r.Offset, "decode", "no", []byte(r.Value)})
		}, table: Quarantine, counts: [3]int64{0, 0, 1}, says: "does not belong into quarantine"},
		{name: "gold row removed", damage: func(c *crafted) { c.gold[2] = c.gold[2][1:] }, table: Gold, counts: [3]int64{1, 0, 0}, says: "missing: minute"},
		{name: "gold row doubled", damage: func(c *crafted) { c.gold[2] = append(c.gold[2], c.gold[2][0]) }, table: Gold, counts: [3]int64{0, 1, 0}, says: "once more"},
		{name: "gold revenue a cent less", damage: func(c *crafted) { c.gold[2][1].Revenue-- }, table: Gold, counts: [3]int64{0, 0, 1}, says: "revenue is"},
		{name: "gold customer counted twice", damage: func(c *crafted) { c.gold[2][1].Customers++ }, table: Gold, counts: [3]int64{0, 0, 1}, says: "customers is"},
		{name: "gold of the epoch before", damage: func(c *crafted) { c.gold[2] = c.gold[1] }, table: Gold, counts: [3]int64{0, 0, 10}, says: "orders is"},
		{name: "late row dropped", damage: func(c *crafted) { c.late[1] = c.late[1][1:] }, table: LateRows, counts: [3]int64{1, 0, 0}, says: "missing: late order"},
		{name: "late row doubled", damage: func(c *crafted) { c.late[1] = append(c.late[1], c.late[0][0]) }, table: LateRows, counts: [3]int64{0, 1, 0}, says: "once more"},
		{name: "order in time among the late", damage: func(c *crafted) {
			c.late[0] = append(c.late[0], lateRow{c.plan.Topic, 0, 0, `{"order_id":"` + c.silver[0][0].ID + `"}`})
		}, table: LateRows, counts: [3]int64{0, 0, 1}, says: "no such order was late"},
		{name: "late row moved", damage: func(c *crafted) { c.late[0][0].Offset++ }, table: LateRows, counts: [3]int64{1, 0, 1}, says: "which does not hold it"},
		{name: "position one further", damage: func(c *crafted) { c.shift[3] = 1 }, table: Bronze, counts: [3]int64{1, 0, 0}, says: "partition 1 offset 900"},
		{name: "position one back", damage: func(c *crafted) { c.shift[3] = -1 }, table: Bronze, counts: [3]int64{0, 0, 1}, says: "a row of partition 1 offset 899, the committed position of the partition is 899"},
		{name: "last commit of bronze deleted", after: dropCommit(TablesDir, Bronze, "00000000000000000003.json"), table: Bronze, says: "bronze stands at version 2, when the demo stopped it was 3"},
		{name: "last commit of quarantine deleted", after: dropCommit(TablesDir, Quarantine, "00000000000000000003.json"), table: Quarantine, says: "quarantine stands at version 2"},
		{name: "last commit of the ledger deleted", after: dropCommit(Checkpoint, LedgerDir, "00000000000000000004.json"), table: Bronze, says: "the ledger's last commit is gone"},
		{name: "commit in the middle deleted", after: dropCommit(TablesDir, Silver, "00000000000000000002.json"), table: Silver, counts: [3]int64{-1, 0, 0}, says: "a version is missing"},
		{name: "data file deleted", after: func(t *testing.T, dir string) { drop(t, filepath.Join(dir, TablesDir, Bronze, "part-00002.parquet")) }, table: Bronze, counts: [3]int64{1130, 0, 0}, says: "live file part-00002.parquet is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			made := craft()
			if c.damage != nil {
				c.damage(made)
			}
			dir := made.write(t)
			if c.after != nil {
				if err := RecordStop(dir); err != nil {
					t.Fatal(err)
				}
				c.after(t, dir)
			}
			r := mustVerify(t, dir)
			if r.OK || !strings.Contains(strings.Join(r.Findings, "\n"), c.says) {
				t.Errorf("ok %v, want %q in:\n%s", r.OK, c.says, strings.Join(r.Findings, "\n"))
			}
			for _, table := range r.Tables {
				if table.Table == c.table && c.counts[0] >= 0 {
					if got := [3]int64{table.Missing, table.Doubled, table.Wrong}; got != c.counts {
						t.Errorf("%s: missing, doubled, wrong are %v, want %v", c.table, got, c.counts)
					}
				}
			}
		})
	}
}

func dropCommit(parts ...string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		drop(t, filepath.Join(dir, parts[0], parts[1], "_delta_log", parts[2]))
	}
}

func drop(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// A kill between decision and roll-forward is no loss: the rows are counted and it is said.
func TestVerifyAfterKillBeforeRollForward(t *testing.T) {
	for _, table := range Tables {
		c := craft()
		c.unfinished = table
		r := mustVerify(t, c.write(t))
		if !r.OK || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], table) {
			t.Errorf("%s: %+v", table, r)
		}
	}
}

// Two epochs behind cannot come from a crash.
func TestVerifyTableTwoEpochsBehind(t *testing.T) {
	dir := craft().write(t)
	log := filepath.Join(dir, TablesDir, Bronze, "_delta_log")
	drop(t, filepath.Join(log, "00000000000000000003.json"))
	drop(t, filepath.Join(log, "00000000000000000002.json"))
	r := mustVerify(t, dir)
	if r.OK || !strings.Contains(strings.Join(r.Findings, "\n"), "table bronze ends with epoch 1") {
		t.Errorf("%+v", r)
	}
}

func TestVerifyBeforeTheFirstEpoch(t *testing.T) {
	dir := t.TempDir()
	if _, err := Verify(dir); err == nil {
		t.Error("a folder without a demo verified")
	}
	if err := testPlan().Save(dir); err != nil {
		t.Fatal(err)
	}
	if r := mustVerify(t, dir); !r.OK || len(r.Notes) != 1 {
		t.Errorf("%+v", r)
	}
}
