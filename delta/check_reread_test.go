package delta_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore/memory"
)

// TestCheckReadsWhatReadersDo: statistics by which readers leave out files are held against rows where they come from a checkpoint,
// in every form in which one has them.
func TestCheckReadsWhatReadersDo(t *testing.T) {
	for _, properties := range []map[string]string{
		{},
		{"delta.checkpointPolicy": "v2"},
		{"delta.checkpoint.writeStatsAsJson": "false", "delta.checkpoint.writeStatsAsStruct": "true"},
	} {
		for said, lie := range map[string]string{`"maxValues":{"n":9}`: `"maxValues":{"n":5}`, `"numRecords":3`: `"numRecords":2`, "none": "none"} {
			table := create(t, memory.New(memory.Options{}), delta.CreateOptions{Schema: idSchema, Properties: properties})
			if err := write(t, table, longs("n", 1, 5, 9), delta.WriteOptions{}); err != nil {
				t.Fatal(err)
			}
			// The checkpoint is made of commits that say something else.
			text, err := table.Store().Get(ctx, log.CommitName(1), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			escaped := func(s string) []byte { return []byte(strings.ReplaceAll(s, `"`, `\"`)) }
			changed := bytes.Replace(text, escaped(said), escaped(lie), 1)
			if said != lie && bytes.Equal(changed, text) {
				t.Fatalf("%s does not say %s", text, said)
			}
			for _, put := range [][]byte{changed, nil, text} {
				if put != nil {
					err = table.Store().Put(ctx, log.CommitName(1), put)
				} else {
					_, err = delta.Open(table.Store(), options(2)).Checkpoint(ctx)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			kinds, found, err := checked(delta.Open(table.Store(), options(3)), true)
			want := 1
			if said == lie {
				want = 0
			}
			if err != nil || kinds[log.CheckpointMismatch] != want || len(kinds) > want {
				t.Errorf("%v, %s in the checkpoint: %v, %q", properties, lie, err, found)
			}
		}
	}
}
